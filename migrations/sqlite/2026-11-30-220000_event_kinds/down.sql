CREATE TABLE events_before (
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    seq BIGINT NOT NULL CHECK (seq > 0),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
        'message', 'message_status', 'new_conversation', 'conversation_updated', 'conversation_removed', 'staff_changed'
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
    PRIMARY KEY (hotel_id, seq),
    CHECK ((kind IN ('message', 'message_status')) = (message_id IS NOT NULL)),
    CHECK ((kind = 'message_status') = (delivery IS NOT NULL)),
    CHECK ((kind IN ('conversation_removed', 'staff_changed')) = (staff_id IS NOT NULL)),
    CHECK ((kind = 'staff_changed') = (conversation_id IS NULL))
) WITHOUT ROWID;
-- The log must have no gap: what the program before does not know, it is told as a change of the conversation, or as a
-- change of a staff member. A log that no staff member can read may lose events.
UPDATE events SET kind = 'conversation_updated', message_id = NULL, staff_id = NULL, history_id = NULL,
    only_message = TRUE
WHERE conversation_id IS NOT NULL AND kind NOT IN (
    'message', 'message_status', 'new_conversation', 'conversation_updated', 'conversation_removed', 'staff_changed'
);
UPDATE events SET kind = 'staff_changed', what = NULL, stay_id = NULL, message_id = NULL,
    staff_id = (SELECT min(staff.id) FROM staff WHERE staff.hotel_id = events.hotel_id)
WHERE conversation_id IS NULL AND kind <> 'staff_changed'
    AND EXISTS (SELECT 1 FROM staff WHERE staff.hotel_id = events.hotel_id);
DELETE FROM events WHERE conversation_id IS NULL AND kind <> 'staff_changed';
INSERT INTO events_before
SELECT hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, department_before, department_after,
    only_message, delivery, failure FROM events;
DROP TABLE events;
ALTER TABLE events_before RENAME TO events;
CREATE INDEX events_by_time ON events (at);
DROP TABLE conversation_history;
