-- Room, phone number and guest may be unknown, and a booking may have several parts. SQLite changes no column: the table
-- is made anew.
CREATE TABLE stays_anew (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    -- Null as long as neither a phone number nor a conversation names the guest.
    guest_id BIGINT,
    reservation_code TEXT NOT NULL,
    part INTEGER NOT NULL DEFAULT 1 CHECK (part BETWEEN 1 AND 9999),
    guest_name TEXT NOT NULL,
    guest_phone TEXT,
    room_number TEXT,
    check_in TEXT NOT NULL,
    check_out TEXT NOT NULL CHECK (check_out >= check_in),
    email TEXT,
    language TEXT,
    note TEXT,
    checked_in_at BIGINT,
    checked_out_at BIGINT,
    -- Why the guest does not come; null: the guest comes.
    cancellation TEXT CHECK (cancellation IN ('cancelled', 'no_show')),
    created_at BIGINT NOT NULL,
    UNIQUE (hotel_id, reservation_code, part),
    UNIQUE (hotel_id, id),
    CHECK (guest_phone IS NULL OR guest_id IS NOT NULL),
    CHECK (cancellation IS NULL OR (checked_in_at IS NULL AND checked_out_at IS NULL)),
    FOREIGN KEY (hotel_id, guest_id) REFERENCES guests (hotel_id, id)
);
INSERT INTO stays_anew (id, hotel_id, guest_id, reservation_code, guest_name, guest_phone, room_number, check_in,
    check_out, checked_in_at, checked_out_at, created_at)
SELECT id, hotel_id, guest_id, reservation_code, guest_name, guest_phone, room_number, check_in, check_out,
    checked_in_at, checked_out_at, created_at FROM stays;
DROP TABLE stays;
ALTER TABLE stays_anew RENAME TO stays;
CREATE INDEX stays_by_guest ON stays (guest_id);
