ALTER TABLE outbox DROP COLUMN media_uploaded_at;
ALTER TABLE outbox DROP COLUMN media_number;
ALTER TABLE outbox DROP COLUMN media_id;
