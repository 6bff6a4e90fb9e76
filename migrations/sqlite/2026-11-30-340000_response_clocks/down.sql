-- The log must have no gap: the program before gets a `response_overdue` as a change of the conversation.
UPDATE events SET kind = 'conversation_updated', waiting_since = NULL, department_before = department_after,
    only_message = TRUE
WHERE kind = 'response_overdue';
ALTER TABLE events DROP COLUMN waiting_since;
DROP TABLE clock_refreshes;
DROP TABLE overdue_alarms;
DROP INDEX conversations_overdue_alarm;
DROP INDEX conversations_waiting;
ALTER TABLE conversations DROP COLUMN overdue_alarm_at;
ALTER TABLE conversations DROP COLUMN response_due_at;
ALTER TABLE hotels DROP COLUMN quiet_hours;
ALTER TABLE departments DROP COLUMN opening_hours;
ALTER TABLE departments DROP COLUMN first_response_minutes;
