-- A hotel's queue in its order: the next messages are found without looking at all that wait.
CREATE INDEX outbox_queue ON outbox (hotel_id, message_id) WHERE state IN ('queued', 'sending');
