-- By which other systems of a hotel are known. Of a key only the digest is kept.
CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    name TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- Who did it, where it was no staff member.
ALTER TABLE audit ADD COLUMN api_key_id BIGINT REFERENCES api_keys (id) CHECK (api_key_id IS NULL OR actor IS NULL);

ALTER TABLE message_templates ADD COLUMN language TEXT;
UPDATE message_templates SET language = 'en' WHERE template_type = 'whatsapp';

-- The one that opens WhatsApp's window. Here rather than at the hotel, so that it cannot be another hotel's, or of
-- another type, and that none is left where it is deleted. SQLite takes new checks with a new column only.
ALTER TABLE message_templates ADD COLUMN is_opener BOOLEAN NOT NULL DEFAULT FALSE
    CHECK (template_type = 'whatsapp' OR NOT is_opener)
    CHECK ((template_type = 'whatsapp') = (language IS NOT NULL));
CREATE UNIQUE INDEX message_templates_opener ON message_templates (hotel_id) WHERE is_opener;
