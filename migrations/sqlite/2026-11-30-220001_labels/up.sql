-- Coloured words with which staff mark conversations.
CREATE TABLE labels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    name TEXT NOT NULL,
    -- The name without regard to case.
    name_key TEXT NOT NULL,
    colour TEXT NOT NULL CHECK (colour IN (
        'red', 'orange', 'amber', 'yellow', 'green', 'teal', 'cyan', 'blue', 'indigo', 'purple', 'pink', 'grey'
    )),
    created_at BIGINT NOT NULL,
    UNIQUE (hotel_id, id),
    UNIQUE (hotel_id, name_key)
);

CREATE TABLE conversation_labels (
    hotel_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    label_id BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, label_id),
    FOREIGN KEY (hotel_id, conversation_id) REFERENCES conversations (hotel_id, id),
    FOREIGN KEY (hotel_id, label_id) REFERENCES labels (hotel_id, id) ON DELETE CASCADE
);
CREATE INDEX conversation_labels_by_label ON conversation_labels (label_id);
