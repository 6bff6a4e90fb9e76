-- What staff have written for guests and is sent later. A row is never deleted.
CREATE TABLE scheduled_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    -- The guest for whom it was written; the conversation may get another one.
    guest_id BIGINT NOT NULL,
    author_id BIGINT NOT NULL,
    text TEXT CHECK (text <> ''),
    -- A template may be deleted before the time of the message, so this is no reference.
    template_id BIGINT,
    variables TEXT,
    reply_to BIGINT,
    hold BOOLEAN NOT NULL,
    send_at BIGINT NOT NULL,
    if_guest_writes TEXT NOT NULL CHECK (if_guest_writes IN ('review', 'send')),
    status TEXT NOT NULL CHECK (status IN ('pending', 'needs_review', 'sent', 'cancelled')),
    review_reason TEXT CHECK (review_reason IN (
        'guest_wrote', 'closed', 'guest_changed', 'stay_cancelled', 'author', 'template', 'reply_to', 'restored'
    )),
    -- The message as which it was sent.
    message_id BIGINT UNIQUE,
    -- How many of the guest's messages it answers as long as it is pending.
    answered_guest_messages BIGINT NOT NULL CHECK (answered_guest_messages >= 0),
    created_at BIGINT NOT NULL,
    -- When it was written or last confirmed.
    approved_at BIGINT NOT NULL,
    CHECK ((text IS NULL) <> (template_id IS NULL)),
    CHECK ((template_id IS NULL) = (variables IS NULL)),
    CHECK (text IS NOT NULL OR (reply_to IS NULL AND NOT hold)),
    CHECK ((status = 'needs_review') = (review_reason IS NOT NULL)),
    CHECK ((status = 'sent') = (message_id IS NOT NULL)),
    CHECK (approved_at >= created_at),
    FOREIGN KEY (hotel_id, conversation_id) REFERENCES conversations (hotel_id, id),
    FOREIGN KEY (hotel_id, guest_id) REFERENCES guests (hotel_id, id),
    FOREIGN KEY (hotel_id, author_id) REFERENCES staff (hotel_id, id),
    FOREIGN KEY (conversation_id, reply_to) REFERENCES messages (conversation_id, id),
    FOREIGN KEY (conversation_id, message_id) REFERENCES messages (conversation_id, id)
);
CREATE INDEX scheduled_messages_due ON scheduled_messages (send_at, id) WHERE status = 'pending';
CREATE INDEX scheduled_messages_of_guest ON scheduled_messages (guest_id) WHERE status = 'pending';
CREATE INDEX scheduled_messages_by_conversation ON scheduled_messages (conversation_id, send_at, id);
CREATE INDEX scheduled_messages_by_status ON scheduled_messages (hotel_id, status, send_at, id);

-- The time for which a message was scheduled.
ALTER TABLE messages ADD COLUMN send_at BIGINT;

ALTER TABLE events ADD COLUMN scheduled_id BIGINT REFERENCES scheduled_messages (id)
    CHECK ((kind = 'scheduled_updated') = (scheduled_id IS NOT NULL));
