-- Since when the guest waits for an answer, how many of the guest's messages need none although nobody has answered,
-- and the messages of staff that the guest has not got.
ALTER TABLE conversations ADD COLUMN waiting_since TIMESTAMPTZ;
ALTER TABLE conversations ADD COLUMN handled_guest_messages BIGINT NOT NULL DEFAULT 0
    CHECK (handled_guest_messages BETWEEN 0 AND guest_messages);
ALTER TABLE conversations ADD COLUMN unsent_failed BIGINT NOT NULL DEFAULT 0 CHECK (unsent_failed >= 0);
ALTER TABLE conversations ADD COLUMN unsent_unknown BIGINT NOT NULL DEFAULT 0 CHECK (unsent_unknown >= 0);
ALTER TABLE conversations ADD COLUMN unsent_held BIGINT NOT NULL DEFAULT 0 CHECK (unsent_held >= 0);
-- Whether staff have seen that the message failed, or may have failed, and need no more reminder.
ALTER TABLE messages ADD COLUMN failure_handled BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX messages_unsent ON messages (conversation_id)
    WHERE sender_type = 'staff' AND delivery IN ('held', 'failed', 'unknown') AND NOT failure_handled;

-- What was closed counts as handled.
UPDATE conversations SET handled_guest_messages = guest_messages WHERE status = 'closed';
UPDATE conversations SET waiting_since = (
    SELECT min(m.timestamp) FROM messages m
    WHERE m.conversation_id = conversations.id AND m.sender_type = 'guest' AND m.id > COALESCE((
        SELECT max(a.id) FROM messages a
        WHERE a.conversation_id = conversations.id AND a.sender_type = 'staff' AND NOT a.internal
            AND a.delivery <> 'failed'
    ), 0)
) WHERE status <> 'closed' AND guest_messages > 0;
UPDATE conversations SET
    unsent_failed = (
        SELECT count(*) FROM messages m WHERE m.conversation_id = conversations.id AND m.sender_type = 'staff'
            AND m.delivery IN ('held', 'failed', 'unknown') AND NOT m.failure_handled AND m.delivery = 'failed'
    ),
    unsent_unknown = (
        SELECT count(*) FROM messages m WHERE m.conversation_id = conversations.id AND m.sender_type = 'staff'
            AND m.delivery IN ('held', 'failed', 'unknown') AND NOT m.failure_handled AND m.delivery = 'unknown'
    ),
    unsent_held = (
        SELECT count(*) FROM messages m WHERE m.conversation_id = conversations.id AND m.sender_type = 'staff'
            AND m.delivery IN ('held', 'failed', 'unknown') AND NOT m.failure_handled AND m.delivery = 'held'
    )
WHERE id IN (
    SELECT m.conversation_id FROM messages m WHERE m.sender_type = 'staff'
        AND m.delivery IN ('held', 'failed', 'unknown') AND NOT m.failure_handled
);
CREATE INDEX conversations_closed_waiting ON conversations (hotel_id)
    WHERE status = 'closed' AND waiting_since IS NOT NULL;
