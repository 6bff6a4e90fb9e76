-- The program before keeps the guests of linked stays, but does not know that they were linked.
DROP INDEX stays_by_conversation_lender;
ALTER TABLE stays DROP COLUMN conversation_lender_id;
ALTER TABLE stays DROP COLUMN linked;
