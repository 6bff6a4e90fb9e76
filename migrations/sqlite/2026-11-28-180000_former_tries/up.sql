-- Tries of a message after which staff began another one: a report of such a try may still come.
CREATE TABLE former_tries (
    callback TEXT PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES outbox (message_id)
);
