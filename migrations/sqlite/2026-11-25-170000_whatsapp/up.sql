-- Whether the hotel's guests are answered by the flow.
ALTER TABLE hotels ADD COLUMN flow BOOLEAN NOT NULL DEFAULT TRUE;

-- How far a message has come is an event as well. SQLite changes no CHECK: the table is made anew.
CREATE TABLE events_anew (
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    seq BIGINT NOT NULL CHECK (seq > 0),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
        'message', 'message_status', 'new_conversation', 'conversation_updated', 'conversation_removed', 'staff_changed'
    )),
    conversation_id BIGINT REFERENCES conversations (id),
    stay_id BIGINT REFERENCES stays (id),
    message_id BIGINT REFERENCES messages (id),
    staff_id BIGINT REFERENCES staff (id),
    department_before BIGINT REFERENCES departments (id),
    department_after BIGINT REFERENCES departments (id),
    only_message BOOLEAN NOT NULL DEFAULT FALSE,
    delivery TEXT CHECK (delivery IN ('held', 'queued', 'unknown', 'sent', 'failed', 'delivered', 'read')),
    failure TEXT,
    PRIMARY KEY (hotel_id, seq),
    CHECK ((kind IN ('message', 'message_status')) = (message_id IS NOT NULL)),
    CHECK ((kind = 'message_status') = (delivery IS NOT NULL)),
    CHECK ((kind IN ('conversation_removed', 'staff_changed')) = (staff_id IS NOT NULL)),
    CHECK ((kind = 'staff_changed') = (conversation_id IS NULL))
) WITHOUT ROWID;
INSERT INTO events_anew (hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, department_before,
    department_after, only_message)
SELECT hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, department_before, department_after,
    only_message FROM events;
DROP TABLE events;
ALTER TABLE events_anew RENAME TO events;
CREATE INDEX events_by_time ON events (at);

-- What guests sent, as it came in.
CREATE TABLE inbound (
    message_id INTEGER PRIMARY KEY REFERENCES messages (id),
    raw TEXT NOT NULL
);

-- What goes to guests by WhatsApp. A message keeps its row: by it reports find the message.
CREATE TABLE outbox (
    message_id INTEGER PRIMARY KEY,
    hotel_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    -- Comes back in what is reported of the message; says nothing to anybody else.
    callback TEXT NOT NULL UNIQUE,
    -- What is sent, where it is not the message's text.
    body TEXT,
    state TEXT NOT NULL CHECK (state IN ('held', 'queued', 'sending', 'settled')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Not before then.
    due_at BIGINT NOT NULL,
    FOREIGN KEY (conversation_id, message_id) REFERENCES messages (conversation_id, id),
    FOREIGN KEY (hotel_id, conversation_id) REFERENCES conversations (hotel_id, id)
);
CREATE INDEX outbox_open ON outbox (hotel_id, conversation_id, message_id) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_held ON outbox (conversation_id, message_id) WHERE state = 'held';

-- Which server sends for a hotel: one at a time, so that order and rates hold over all of them.
CREATE TABLE channels (
    hotel_id INTEGER PRIMARY KEY REFERENCES hotels (id),
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    -- The code for which nothing is sent any more, and with which token that was; a new token begins anew.
    stopped_code BIGINT,
    stopped_token TEXT,
    CHECK ((stopped_code IS NULL) = (stopped_token IS NULL))
);

-- Reports of messages that are not known yet: a report may be faster than the answer to the sending.
CREATE TABLE early_reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    whatsapp_message_id TEXT NOT NULL,
    delivery TEXT NOT NULL CHECK (delivery IN ('sent', 'failed', 'delivered', 'read')),
    failure TEXT,
    received_at BIGINT NOT NULL
);
CREATE INDEX early_reports_by_message ON early_reports (whatsapp_message_id);
CREATE INDEX early_reports_by_time ON early_reports (received_at);

-- What came from Meta and could not be processed.
CREATE TABLE parked (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    phone_number_id TEXT,
    -- The hotel that had the number when it came.
    hotel_id BIGINT REFERENCES hotels (id),
    raw TEXT NOT NULL,
    settled_at BIGINT
);
CREATE INDEX parked_open ON parked (id) WHERE settled_at IS NULL;

-- Files of messages.
ALTER TABLE messages ADD COLUMN has_attachments BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE attachments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    message_id BIGINT NOT NULL REFERENCES messages (id),
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    -- Of the bytes, in hexadecimal digits; before they are there, as it was told.
    sha256 TEXT,
    state TEXT NOT NULL CHECK (state IN ('awaited', 'there', 'lost')),
    -- What WhatsApp calls it.
    media_id TEXT,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at BIGINT NOT NULL,
    CHECK (state <> 'awaited' OR media_id IS NOT NULL)
);
CREATE INDEX attachments_by_message ON attachments (message_id);
CREATE INDEX attachments_awaited ON attachments (id) WHERE state = 'awaited';

-- Their bytes, in parts.
CREATE TABLE attachment_parts (
    attachment_id BIGINT NOT NULL REFERENCES attachments (id),
    number INTEGER NOT NULL CHECK (number >= 0),
    bytes BLOB NOT NULL,
    PRIMARY KEY (attachment_id, number)
);
