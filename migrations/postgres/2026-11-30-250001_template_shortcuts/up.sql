-- A short name of a template, which staff type to find it: unique in the hotel.
ALTER TABLE message_templates ADD COLUMN shortcut TEXT CHECK (length(shortcut) BETWEEN 1 AND 32);
CREATE UNIQUE INDEX message_templates_by_shortcut ON message_templates (hotel_id, shortcut);
