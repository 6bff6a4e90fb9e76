ALTER TABLE events
    DROP CONSTRAINT events_kind_check,
    DROP CONSTRAINT events_message_check,
    DROP CONSTRAINT events_staff_check,
    DROP CONSTRAINT events_conversation_check,
    DROP CONSTRAINT events_no_conversation_check,
    DROP CONSTRAINT events_stay_check,
    DROP CONSTRAINT events_directory_check,
    DROP CONSTRAINT events_reach_check,
    DROP CONSTRAINT events_history_check;
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
ALTER TABLE events
    DROP COLUMN history_id,
    DROP COLUMN what,
    ADD CONSTRAINT events_kind_check CHECK (kind IN (
        'message', 'message_status', 'new_conversation', 'conversation_updated', 'conversation_removed', 'staff_changed'
    )),
    ADD CONSTRAINT events_check CHECK ((kind IN ('message', 'message_status')) = (message_id IS NOT NULL)),
    ADD CONSTRAINT events_check1 CHECK ((kind IN ('conversation_removed', 'staff_changed')) = (staff_id IS NOT NULL)),
    ADD CONSTRAINT events_check2 CHECK ((kind = 'staff_changed') = (conversation_id IS NULL));
DROP TABLE conversation_history;
