-- The program before knows one text of a name.
UPDATE message_templates SET name = name || ' #' || id
WHERE template_type = 'text' AND EXISTS (SELECT 1 FROM message_templates AS older
    WHERE older.hotel_id = message_templates.hotel_id AND older.name = message_templates.name
    AND older.template_type = 'text' AND older.id < message_templates.id);
DROP INDEX message_templates_texts;
CREATE UNIQUE INDEX message_templates_texts ON message_templates (hotel_id, name) WHERE template_type = 'text';
DROP TABLE away_messages;
