ALTER TABLE audit DROP COLUMN address;
ALTER TABLE login_attempts DROP COLUMN device_digest;
DROP TABLE sign_in_devices;
ALTER TABLE sessions DROP COLUMN user_agent;
ALTER TABLE sessions DROP COLUMN address;
ALTER TABLE sessions DROP COLUMN remember;
ALTER TABLE staff DROP COLUMN must_change_password;
