-- Texts that staff members have begun to write: at most one of each person in each conversation.
CREATE TABLE drafts (
    staff_id BIGINT NOT NULL REFERENCES staff (id),
    conversation_id BIGINT NOT NULL REFERENCES conversations (id),
    text TEXT NOT NULL CHECK (text <> ''),
    reply_to BIGINT REFERENCES messages (id) ON DELETE SET NULL,
    internal BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (staff_id, conversation_id)
);
-- For the deletion of a message that drafts quote.
CREATE INDEX drafts_by_quote ON drafts (reply_to) WHERE reply_to IS NOT NULL;
