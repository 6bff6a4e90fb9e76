DROP INDEX conversations_snoozed;
ALTER TABLE conversations DROP COLUMN snoozed_until;
