ALTER TABLE departments DROP COLUMN handles_stays;
ALTER TABLE departments DROP COLUMN active;
