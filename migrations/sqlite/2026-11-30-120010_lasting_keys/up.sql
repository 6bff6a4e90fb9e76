-- Keys of what was sent to a guest are kept for ever: a late repetition must not reach the guest twice.
ALTER TABLE idempotency_keys ADD COLUMN kept_forever BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE idempotency_keys SET kept_forever = TRUE
WHERE path LIKE '%/send_template/' OR path LIKE '%/attachments/';

-- Only what is deleted one day: else each round would pass all that is kept.
DROP INDEX idempotency_keys_by_time;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at) WHERE NOT kept_forever;
