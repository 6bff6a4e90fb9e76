DROP INDEX conversations_closed_waiting;
DROP INDEX messages_unsent;
ALTER TABLE messages DROP COLUMN failure_handled;
ALTER TABLE conversations DROP COLUMN unsent_held;
ALTER TABLE conversations DROP COLUMN unsent_unknown;
ALTER TABLE conversations DROP COLUMN unsent_failed;
ALTER TABLE conversations DROP COLUMN handled_guest_messages;
ALTER TABLE conversations DROP COLUMN waiting_since;
