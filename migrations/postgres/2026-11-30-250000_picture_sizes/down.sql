ALTER TABLE attachments DROP COLUMN height;
ALTER TABLE attachments DROP COLUMN width;
