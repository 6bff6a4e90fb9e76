DROP INDEX outbox_by_guest;
ALTER TABLE outbox DROP COLUMN guest_id;
