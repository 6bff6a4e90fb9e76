DROP TABLE reaction_updates;
DROP TABLE reactions;
-- The program before shows every message. One that was taken back did not reach the guest.
UPDATE messages SET delivery = 'failed', failure = 'This was taken back before it was sent.'
    WHERE hidden AND reacts_to IS NULL;
DELETE FROM former_tries WHERE message_id IN (SELECT id FROM messages WHERE reacts_to IS NOT NULL);
DELETE FROM outbox WHERE message_id IN (SELECT id FROM messages WHERE reacts_to IS NOT NULL);
DELETE FROM messages WHERE reacts_to IS NOT NULL;
ALTER TABLE messages DROP COLUMN has_reactions;
ALTER TABLE messages DROP COLUMN reacts_to;
ALTER TABLE messages DROP COLUMN hidden;
ALTER TABLE messages DROP COLUMN has_quote;
ALTER TABLE messages DROP COLUMN reply_to;
