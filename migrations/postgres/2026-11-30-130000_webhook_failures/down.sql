DROP TABLE webhook_failures;
DROP INDEX parked_due;
ALTER TABLE parked DROP COLUMN next_attempt_at;
ALTER TABLE parked DROP COLUMN attempts;
ALTER TABLE parked DROP COLUMN kind;
