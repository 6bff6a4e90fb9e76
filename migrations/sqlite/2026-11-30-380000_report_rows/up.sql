-- What reports are computed from, stored along with messages and closings. The rows name instants in UTC, so that the days
-- of a report are those of the hotel's present time zone. They have no foreign keys: what they name is never deleted, and a
-- check would cost each message.

-- Numbers of messages, for each quarter of an hour (since 1970; every time zone begins its days at one), conversation,
-- department and staff member: the author, or for guest messages the assignee. 0: none.
CREATE TABLE report_activity (
    hotel_id BIGINT NOT NULL,
    quarter BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    department_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    guest_messages BIGINT NOT NULL CHECK (guest_messages >= 0),
    staff_messages BIGINT NOT NULL CHECK (staff_messages >= 0),
    PRIMARY KEY (hotel_id, quarter, conversation_id, department_id, staff_id)
) WITHOUT ROWID;

-- Messages of staff that have ended the waiting of a guest.
CREATE TABLE report_answers (
    hotel_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    department_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    -- Since when the guest waited as the message was stored, and when an answer was due then.
    asked_at BIGINT,
    asked_due_at BIGINT,
    -- Both for the wait that this message ends. Null if it failed or was taken back; the next message then ends the wait.
    answers_since BIGINT,
    due_at BIGINT,
    PRIMARY KEY (hotel_id, at, message_id)
) WITHOUT ROWID;
CREATE INDEX report_answers_by_conversation ON report_answers (conversation_id, message_id);
CREATE INDEX report_answers_late ON report_answers (hotel_id, due_at) WHERE due_at < at AND answers_since IS NOT NULL;

-- Waits that staff ended without a message after the time at which an answer was due.
CREATE TABLE report_missed (
    hotel_id BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    department_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    PRIMARY KEY (hotel_id, due_at, conversation_id)
) WITHOUT ROWID;

-- Conversations that staff have closed.
CREATE TABLE report_closings (
    hotel_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    department_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (hotel_id, at, conversation_id)
) WITHOUT ROWID;

-- When the conversation was last opened; null: when it was created.
ALTER TABLE conversations ADD COLUMN opened_at BIGINT;
-- The department that had the conversation when the message was stored; null: none, or the message is older than this column.
ALTER TABLE messages ADD COLUMN department_id BIGINT;

UPDATE conversations SET opened_at = (
    SELECT max(h.at) FROM conversation_history h WHERE h.conversation_id = conversations.id AND h.kind = 'reopened'
) WHERE id IN (SELECT conversation_id FROM conversation_history WHERE kind = 'reopened');

INSERT INTO report_closings (hotel_id, at, conversation_id, department_id, staff_id, opened_at)
SELECT h.hotel_id, h.at, h.conversation_id, COALESCE(c.department_id, 0), h.staff_id, COALESCE((
    SELECT max(o.at) FROM conversation_history o
    WHERE o.conversation_id = h.conversation_id AND o.kind = 'reopened' AND o.at <= h.at
), c.created_at)
FROM conversation_history h JOIN conversations c ON c.id = h.conversation_id
WHERE h.kind = 'closed' AND h.staff_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM conversation_history d
    WHERE d.conversation_id = h.conversation_id AND d.kind = 'checked_out' AND d.at = h.at
)
ON CONFLICT DO NOTHING;

-- Messages of before this migration whose rows are still to be stored, by maintenance, newest first: those with lower ids.
CREATE TABLE report_backfill (below BIGINT NOT NULL PRIMARY KEY);
INSERT INTO report_backfill (below) SELECT max(id) + 1 FROM messages HAVING count(*) > 0;
