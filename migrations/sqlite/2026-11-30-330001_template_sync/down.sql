CREATE TABLE message_templates_before (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    department_id BIGINT,
    template_type TEXT NOT NULL DEFAULT 'text' CHECK (template_type IN ('text', 'whatsapp')),
    language TEXT,
    is_opener BOOLEAN NOT NULL DEFAULT FALSE
        CHECK (template_type = 'whatsapp' OR NOT is_opener)
        CHECK ((template_type = 'whatsapp') = (language IS NOT NULL)),
    shortcut TEXT CHECK (length(shortcut) BETWEEN 1 AND 32),
    UNIQUE (hotel_id, name),
    UNIQUE (hotel_id, id),
    FOREIGN KEY (hotel_id, department_id) REFERENCES departments (hotel_id, id)
);
-- The program before knows no language of a text, and one template of a name.
INSERT INTO message_templates_before
SELECT id, hotel_id,
    CASE WHEN EXISTS (SELECT 1 FROM message_templates AS older WHERE older.hotel_id = message_templates.hotel_id
            AND older.name = message_templates.name AND older.id < message_templates.id)
        THEN name || ' #' || id ELSE name END,
    content, department_id, template_type, CASE template_type WHEN 'text' THEN NULL ELSE language END, is_opener,
    shortcut
FROM message_templates;
DROP TABLE message_templates;
ALTER TABLE message_templates_before RENAME TO message_templates;
CREATE UNIQUE INDEX message_templates_opener ON message_templates (hotel_id) WHERE is_opener;
CREATE UNIQUE INDEX message_templates_by_shortcut ON message_templates (hotel_id, shortcut);
