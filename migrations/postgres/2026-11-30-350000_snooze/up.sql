-- Until when the conversation is hidden from the queues of all staff. A closed conversation is in none.
ALTER TABLE conversations ADD COLUMN snoozed_until TIMESTAMPTZ
    CHECK (snoozed_until IS NULL OR status <> 'closed');
-- The snoozes that end next.
CREATE INDEX conversations_snoozed ON conversations (snoozed_until) WHERE snoozed_until IS NOT NULL;
