-- What WhatsApp called a former attempt: a late receipt may name nothing else.
ALTER TABLE former_tries ADD COLUMN whatsapp_message_id TEXT;
CREATE INDEX former_tries_by_name ON former_tries (whatsapp_message_id) WHERE whatsapp_message_id IS NOT NULL;
CREATE INDEX former_tries_by_message ON former_tries (message_id);
