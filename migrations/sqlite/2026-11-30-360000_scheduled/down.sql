-- The log must have no gap: what the program before does not know becomes a change of the conversation.
UPDATE events SET kind = 'conversation_updated', only_message = TRUE, scheduled_id = NULL
    WHERE kind = 'scheduled_updated';
ALTER TABLE events DROP COLUMN scheduled_id;
ALTER TABLE messages DROP COLUMN send_at;
DROP TABLE scheduled_messages;
