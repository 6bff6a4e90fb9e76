-- The message that a message quotes. A guest may quote a message that is not stored: then only `has_quote` is set.
ALTER TABLE messages ADD COLUMN reply_to BIGINT REFERENCES messages (id);
ALTER TABLE messages ADD COLUMN has_quote BOOLEAN NOT NULL DEFAULT FALSE CHECK (has_quote OR reply_to IS NULL);
-- A hidden message is shown nowhere: staff have taken it back, or it carries a reaction of staff to WhatsApp.
ALTER TABLE messages ADD COLUMN hidden BOOLEAN NOT NULL DEFAULT FALSE;
-- A reaction is sent to WhatsApp like a message, so it takes its turn in the outbox as a hidden message.
ALTER TABLE messages ADD COLUMN reacts_to BIGINT REFERENCES messages (id) CHECK (reacts_to IS NULL OR hidden);
ALTER TABLE messages ADD COLUMN has_reactions BOOLEAN NOT NULL DEFAULT FALSE;

-- The reactions to a message: at most one of the guest and one of staff, as in WhatsApp.
CREATE TABLE reactions (
    message_id BIGINT NOT NULL REFERENCES messages (id),
    side TEXT NOT NULL CHECK (side IN ('guest', 'staff')),
    -- Null if the reaction is withdrawn. The row stays, because an older update may arrive late.
    emoji TEXT,
    staff_id BIGINT REFERENCES staff (id),
    at BIGINT NOT NULL,
    -- The hidden message that carries the reaction to WhatsApp.
    carrier_id BIGINT REFERENCES messages (id),
    PRIMARY KEY (message_id, side),
    CHECK ((side = 'staff') = (staff_id IS NOT NULL)),
    CHECK (carrier_id IS NULL OR side = 'staff')
) WITHOUT ROWID;

-- The updates of WhatsApp by which guests reacted, each processed once.
CREATE TABLE reaction_updates (
    whatsapp_message_id TEXT PRIMARY KEY,
    message_id BIGINT NOT NULL REFERENCES messages (id),
    received_at BIGINT NOT NULL,
    raw TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX reaction_updates_by_time ON reaction_updates (received_at);
