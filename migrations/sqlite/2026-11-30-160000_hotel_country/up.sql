-- Completes telephone numbers that are written without a country code: two letters of ISO 3166.
ALTER TABLE hotels ADD COLUMN country TEXT CHECK (length(country) = 2);
