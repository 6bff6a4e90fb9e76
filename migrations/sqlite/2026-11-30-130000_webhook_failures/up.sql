-- Why an update is parked. Those that the store could not take are tried again by themselves, at `next_attempt_at`.
ALTER TABLE parked ADD COLUMN kind TEXT NOT NULL DEFAULT 'unusable'
    CHECK (kind IN ('unusable', 'unknown_number', 'store'));
ALTER TABLE parked ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parked ADD COLUMN next_attempt_at BIGINT;
UPDATE parked SET kind = 'unknown_number' WHERE reason = 'no hotel has this number';
UPDATE parked SET kind = 'store', next_attempt_at = received_at WHERE reason = 'it could not be stored';
CREATE INDEX parked_due ON parked (next_attempt_at) WHERE settled_at IS NULL AND kind = 'store';

-- Updates of the webhook that the store did not take, since when: Meta delivers them again.
CREATE TABLE webhook_failures (
    update_key TEXT PRIMARY KEY,
    first_failed_at BIGINT NOT NULL
);
CREATE INDEX webhook_failures_by_time ON webhook_failures (first_failed_at);
