DROP INDEX outbox_open;
CREATE INDEX outbox_open ON outbox (hotel_id, conversation_id, message_id) WHERE state IN ('queued', 'sending');
DROP INDEX outbox_held;
CREATE INDEX outbox_held ON outbox (conversation_id, message_id) WHERE state = 'held';
ALTER TABLE guests DROP COLUMN asked_phone_number_id;
ALTER TABLE guests DROP COLUMN last_wrote_at;
ALTER TABLE guests DROP COLUMN window_phone_number_id;
