-- Whether the person must choose another password before anything else: somebody else has set the present one.
ALTER TABLE staff ADD COLUMN must_change_password BOOLEAN NOT NULL DEFAULT FALSE;

-- False on a shared computer: the session ends after hours and not after days.
ALTER TABLE sessions ADD COLUMN remember BOOLEAN NOT NULL DEFAULT TRUE;
-- The address and the browser of the sign-in, for the list of sessions. Older sessions have none.
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;

-- Browsers in which a person has signed in: the digest of the device cookie. A browser may know several people.
CREATE TABLE sign_in_devices (
    digest TEXT NOT NULL,
    hotel_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (digest, staff_id),
    FOREIGN KEY (hotel_id, staff_id) REFERENCES staff (hotel_id, id)
);
CREATE INDEX sign_in_devices_by_time ON sign_in_devices (last_used_at);
CREATE INDEX sign_in_devices_by_staff ON sign_in_devices (staff_id, last_used_at);

-- The device of an attempt in a browser that knows the person: it counts by name and device alone.
ALTER TABLE login_attempts ADD COLUMN device_digest TEXT;

-- The network address from which a sign-in or a change came.
ALTER TABLE audit ADD COLUMN address TEXT;
