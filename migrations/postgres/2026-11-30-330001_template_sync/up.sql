-- A text may have a language too, and WhatsApp knows an approved template by name and language.
DO $$
BEGIN
    EXECUTE format('ALTER TABLE message_templates DROP CONSTRAINT %I', (
        SELECT conname FROM pg_constraint WHERE conrelid = 'message_templates'::regclass AND contype = 'c'
            AND pg_get_constraintdef(oid) LIKE '%language%'
    ));
END $$;
ALTER TABLE message_templates
    ADD CONSTRAINT message_templates_approved_language CHECK (template_type = 'text' OR language IS NOT NULL),
    -- How the values of an approved template are passed: in order, or each with its name.
    ADD COLUMN parameter_format TEXT NOT NULL DEFAULT 'positional'
        CHECK (parameter_format IN ('positional', 'named')),
    -- Whether Meta accepts the template now.
    ADD COLUMN available BOOLEAN NOT NULL DEFAULT TRUE,
    DROP CONSTRAINT message_templates_hotel_id_name_key;
CREATE UNIQUE INDEX message_templates_texts ON message_templates (hotel_id, name) WHERE template_type = 'text';
CREATE UNIQUE INDEX message_templates_approved ON message_templates (hotel_id, name, language)
    WHERE template_type = 'whatsapp';
