-- Imports of stays that failed one after another, in whole or in part. A row is deleted by an import without failure.
CREATE TABLE import_failures (
    hotel_id BIGINT NOT NULL PRIMARY KEY REFERENCES hotels (id),
    failures BIGINT NOT NULL CHECK (failures > 0),
    last_at TIMESTAMPTZ NOT NULL
);
