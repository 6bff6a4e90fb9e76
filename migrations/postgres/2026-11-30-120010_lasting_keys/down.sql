DROP INDEX idempotency_keys_by_time;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
ALTER TABLE idempotency_keys DROP COLUMN kept_forever;
