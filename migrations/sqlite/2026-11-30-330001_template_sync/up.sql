-- A text may have a language too, and WhatsApp knows an approved template by name and language. SQLite changes no CHECK:
-- the table is made anew.
CREATE TABLE message_templates_anew (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    department_id BIGINT,
    template_type TEXT NOT NULL DEFAULT 'text' CHECK (template_type IN ('text', 'whatsapp')),
    language TEXT,
    is_opener BOOLEAN NOT NULL DEFAULT FALSE,
    shortcut TEXT CHECK (length(shortcut) BETWEEN 1 AND 32),
    -- How the values of an approved template are passed: in order, or each with its name.
    parameter_format TEXT NOT NULL DEFAULT 'positional' CHECK (parameter_format IN ('positional', 'named')),
    -- Whether Meta accepts the template now.
    available BOOLEAN NOT NULL DEFAULT TRUE,
    UNIQUE (hotel_id, id),
    CHECK (template_type = 'whatsapp' OR NOT is_opener),
    CHECK (template_type = 'text' OR language IS NOT NULL),
    FOREIGN KEY (hotel_id, department_id) REFERENCES departments (hotel_id, id)
);
INSERT INTO message_templates_anew (id, hotel_id, name, content, department_id, template_type, language, is_opener,
    shortcut)
SELECT id, hotel_id, name, content, department_id, template_type, language, is_opener, shortcut FROM message_templates;
DROP TABLE message_templates;
ALTER TABLE message_templates_anew RENAME TO message_templates;
CREATE UNIQUE INDEX message_templates_opener ON message_templates (hotel_id) WHERE is_opener;
CREATE UNIQUE INDEX message_templates_by_shortcut ON message_templates (hotel_id, shortcut);
CREATE UNIQUE INDEX message_templates_texts ON message_templates (hotel_id, name) WHERE template_type = 'text';
CREATE UNIQUE INDEX message_templates_approved ON message_templates (hotel_id, name, language)
    WHERE template_type = 'whatsapp';
