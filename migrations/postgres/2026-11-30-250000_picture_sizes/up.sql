-- The size of a picture in pixels, as it is shown; unknown for files that are stored already, and for other files.
ALTER TABLE attachments ADD COLUMN width INTEGER CHECK (width > 0);
ALTER TABLE attachments ADD COLUMN height INTEGER CHECK (height > 0) CHECK ((width IS NULL) = (height IS NULL));
