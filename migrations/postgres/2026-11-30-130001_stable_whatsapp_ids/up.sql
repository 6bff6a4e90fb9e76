-- The part of a WhatsApp message id by which quotes and reactions find their message: the rest of it varies. The program
-- fills it in for messages that are there already, a batch at a time.
ALTER TABLE messages ADD COLUMN whatsapp_stable_id TEXT;
CREATE INDEX messages_by_stable_id ON messages (whatsapp_stable_id) WHERE whatsapp_stable_id IS NOT NULL;
CREATE INDEX messages_without_stable_id ON messages (id)
    WHERE whatsapp_message_id IS NOT NULL AND whatsapp_stable_id IS NULL;
