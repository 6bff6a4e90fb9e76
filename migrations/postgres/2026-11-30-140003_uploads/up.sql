-- A file that was uploaded to be sent: its id at WhatsApp, for which of our numbers, and when, since it is kept there
-- for 30 days. The upload comes before the message is claimed, and a later attempt uses it again.
ALTER TABLE outbox ADD COLUMN media_id TEXT;
ALTER TABLE outbox ADD COLUMN media_number TEXT;
ALTER TABLE outbox ADD COLUMN media_uploaded_at TIMESTAMPTZ
    CHECK ((media_id IS NULL) = (media_uploaded_at IS NULL) AND (media_number IS NULL) = (media_uploaded_at IS NULL));
