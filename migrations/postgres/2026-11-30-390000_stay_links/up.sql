-- Whether staff have linked the stay to the guest of a conversation. Then that guest is the stay's, whatever its phone
-- number is.
ALTER TABLE stays ADD COLUMN linked BOOLEAN NOT NULL DEFAULT FALSE CHECK (guest_id IS NOT NULL OR NOT linked);
-- The guest whose conversation became the stay's by the link, and to whom it returns when the link ends. Null: the stay
-- had a conversation before the link, or still has none.
ALTER TABLE stays ADD COLUMN conversation_lender_id BIGINT REFERENCES guests (id)
    CHECK (conversation_lender_id IS NULL OR linked);
CREATE INDEX stays_by_conversation_lender ON stays (conversation_lender_id) WHERE conversation_lender_id IS NOT NULL;
