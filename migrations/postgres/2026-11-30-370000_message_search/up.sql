-- The words of messages, by which a search finds them. The program makes the words. Each begins with the hotel and a block
-- of ids, so that a search reads the newest blocks first and never the hits of another hotel.
CREATE TABLE message_words (
    message_id BIGINT NOT NULL PRIMARY KEY,
    words TSVECTOR NOT NULL
);
-- Without the list of pending rows: it would be read by every search, and moved into the index by some send.
CREATE INDEX message_words_by_word ON message_words USING gin (words) WITH (fastupdate = off);
-- One row: messages with lower ids are not in the index yet. The server fills it in the background, newest first.
CREATE TABLE search_index (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    unindexed_below BIGINT NOT NULL
);
INSERT INTO search_index (id, unindexed_below) SELECT 1, COALESCE(MAX(id) + 1, 0) FROM messages;
