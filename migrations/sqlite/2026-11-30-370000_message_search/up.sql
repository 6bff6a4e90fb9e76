-- The words of messages, by which a search finds them; the row id is that of the message. The program makes the words, so
-- the tokenizer only splits at spaces. Neither texts nor places are stored: the program reads the messages found.
CREATE VIRTUAL TABLE message_words USING fts5(words, content='', columnsize=0, detail=none, tokenize='ascii');
-- One row: messages with lower ids are not in the index yet. The server fills it in the background, newest first.
CREATE TABLE search_index (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    unindexed_below BIGINT NOT NULL
);
INSERT INTO search_index (id, unindexed_below) SELECT 1, COALESCE(MAX(id) + 1, 0) FROM messages;
