-- The program before knows no language of a text, and one template of a name.
UPDATE message_templates SET language = NULL WHERE template_type = 'text';
UPDATE message_templates SET name = name || ' #' || id
WHERE EXISTS (SELECT 1 FROM message_templates AS older WHERE older.hotel_id = message_templates.hotel_id
    AND older.name = message_templates.name AND older.id < message_templates.id);
DROP INDEX message_templates_texts;
DROP INDEX message_templates_approved;
ALTER TABLE message_templates
    DROP CONSTRAINT message_templates_approved_language,
    ADD CHECK ((template_type = 'whatsapp') = (language IS NOT NULL)),
    DROP COLUMN parameter_format,
    DROP COLUMN available,
    ADD UNIQUE (hotel_id, name);
