-- What happened to a conversation, for the staff who see it. The rows are kept as long as the conversation.
CREATE TABLE conversation_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
        'routed', 'transferred', 'assigned', 'relay_ended', 'closed', 'reopened', 'snoozed', 'handled', 'linked',
        'unlinked', 'checked_in', 'checked_out', 'request_created', 'request_done'
    )),
    -- Who did it; null: a guest, a timer, an API key or the command line.
    staff_id BIGINT,
    from_department_id BIGINT,
    to_department_id BIGINT,
    from_staff_id BIGINT,
    to_staff_id BIGINT,
    note TEXT,
    CHECK (from_department_id IS NULL OR from_staff_id IS NULL),
    CHECK (to_department_id IS NULL OR to_staff_id IS NULL),
    FOREIGN KEY (hotel_id, conversation_id) REFERENCES conversations (hotel_id, id),
    FOREIGN KEY (hotel_id, staff_id) REFERENCES staff (hotel_id, id),
    FOREIGN KEY (hotel_id, from_department_id) REFERENCES departments (hotel_id, id),
    FOREIGN KEY (hotel_id, to_department_id) REFERENCES departments (hotel_id, id),
    FOREIGN KEY (hotel_id, from_staff_id) REFERENCES staff (hotel_id, id),
    FOREIGN KEY (hotel_id, to_staff_id) REFERENCES staff (hotel_id, id)
);
CREATE INDEX conversation_history_by_conversation ON conversation_history (conversation_id, id);

-- All kinds of events of the API's second revision. SQLite changes no CHECK: the table is made anew.
CREATE TABLE events_anew (
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    seq BIGINT NOT NULL CHECK (seq > 0),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
        'message', 'message_status', 'message_updated', 'message_removed', 'new_conversation', 'conversation_updated',
        'conversation_removed', 'staff_changed', 'directory_updated', 'stay_updated', 'history_added', 'scheduled_updated',
        'response_overdue', 'transfer_expired', 'request_created', 'request_updated', 'request_removed'
    )),
    conversation_id BIGINT REFERENCES conversations (id),
    stay_id BIGINT REFERENCES stays (id),
    message_id BIGINT REFERENCES messages (id),
    staff_id BIGINT REFERENCES staff (id),
    department_before BIGINT REFERENCES departments (id),
    department_after BIGINT REFERENCES departments (id),
    only_message BOOLEAN NOT NULL DEFAULT FALSE,
    delivery TEXT CHECK (delivery IN ('held', 'queued', 'unknown', 'sent', 'failed', 'delivered', 'read')),
    failure TEXT,
    -- The part of the directory that changed.
    what TEXT
        CHECK (what IN ('departments', 'staff', 'templates', 'labels', 'hotel', 'rooms', 'stays', 'reach')),
    history_id BIGINT REFERENCES conversation_history (id),
    PRIMARY KEY (hotel_id, seq),
    CHECK (message_id IS NOT NULL OR kind NOT IN ('message', 'message_status', 'message_updated')),
    CHECK ((kind = 'message_status') = (delivery IS NOT NULL)),
    CHECK (staff_id IS NOT NULL OR kind NOT IN ('conversation_removed', 'staff_changed')),
    CHECK (conversation_id IS NOT NULL OR kind IN (
        'staff_changed', 'directory_updated', 'stay_updated', 'request_created', 'request_updated', 'request_removed'
    )),
    CHECK (conversation_id IS NULL OR kind NOT IN ('staff_changed', 'directory_updated', 'stay_updated')),
    CHECK (stay_id IS NOT NULL OR kind <> 'stay_updated'),
    CHECK ((kind = 'directory_updated') = (what IS NOT NULL)),
    CHECK (what IS NULL OR (what = 'reach') = (staff_id IS NOT NULL)),
    CHECK ((kind = 'history_added') = (history_id IS NOT NULL))
) WITHOUT ROWID;
INSERT INTO events_anew (hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, department_before,
    department_after, only_message, delivery, failure)
SELECT hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, department_before, department_after,
    only_message, delivery, failure FROM events;
DROP TABLE events;
ALTER TABLE events_anew RENAME TO events;
CREATE INDEX events_by_time ON events (at);
