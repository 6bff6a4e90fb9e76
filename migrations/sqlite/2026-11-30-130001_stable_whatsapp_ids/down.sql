DROP INDEX messages_without_stable_id;
DROP INDEX messages_by_stable_id;
ALTER TABLE messages DROP COLUMN whatsapp_stable_id;
