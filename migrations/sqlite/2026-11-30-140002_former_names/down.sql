DROP INDEX former_tries_by_message;
DROP INDEX former_tries_by_name;
ALTER TABLE former_tries DROP COLUMN whatsapp_message_id;
