-- The guest to whom a message goes: fixed when it is queued, so that neither it nor what WhatsApp answers to it can
-- become another guest's when the conversation does. Of messages that were settled before this it is not known.
ALTER TABLE outbox ADD COLUMN guest_id BIGINT REFERENCES guests (id);
UPDATE outbox
SET guest_id = (SELECT conversations.guest_id FROM conversations WHERE conversations.id = outbox.conversation_id)
WHERE state <> 'settled';
CREATE INDEX outbox_by_guest ON outbox (guest_id) WHERE guest_id IS NOT NULL;
