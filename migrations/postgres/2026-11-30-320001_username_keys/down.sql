DROP INDEX staff_by_username_key;
ALTER TABLE staff DROP COLUMN username_key;
