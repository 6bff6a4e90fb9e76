DROP INDEX message_templates_opener;
ALTER TABLE message_templates DROP COLUMN is_opener;
ALTER TABLE message_templates DROP COLUMN language;
ALTER TABLE audit DROP COLUMN api_key_id;
DROP TABLE api_keys;
