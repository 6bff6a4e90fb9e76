-- When an API key ends, when it was last used, and when it was revoked. A revoked key is kept for the audit log.
ALTER TABLE api_keys ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE api_keys ADD COLUMN last_used_at TIMESTAMPTZ;
ALTER TABLE api_keys ADD COLUMN revoked_at TIMESTAMPTZ;
CREATE INDEX api_keys_by_hotel ON api_keys (hotel_id);
