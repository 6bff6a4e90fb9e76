-- The user name after NFKC and case folding. The program fills it after the migration, because the databases cannot. It
-- stays null for an account whose user name then equals that of an older account: that one signs in by its exact name.
ALTER TABLE staff ADD COLUMN username_key TEXT;
CREATE UNIQUE INDEX staff_by_username_key ON staff (username_key);
