-- The settings that a client keeps for a staff member: a JSON object, as text so that it stays as the client wrote it.
CREATE TABLE staff_settings (
    staff_id BIGINT NOT NULL PRIMARY KEY REFERENCES staff (id),
    settings TEXT NOT NULL CHECK (length(settings) <= 8192)
);
