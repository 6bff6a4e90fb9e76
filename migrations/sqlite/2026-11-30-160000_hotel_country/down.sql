ALTER TABLE hotels DROP COLUMN country;
