-- The program before needs a room, a phone number and a guest for each stay, and a code of its own for each part.
INSERT INTO guests (hotel_id, phone, created_at)
SELECT hotel_id, '+999' || (10000000 + id), created_at FROM stays WHERE guest_id IS NULL;
CREATE TABLE stays_before (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL,
    guest_id BIGINT NOT NULL,
    reservation_code TEXT NOT NULL,
    guest_name TEXT NOT NULL,
    guest_phone TEXT NOT NULL,
    room_number TEXT NOT NULL,
    check_in TEXT NOT NULL,
    check_out TEXT NOT NULL CHECK (check_out >= check_in),
    checked_in_at BIGINT,
    checked_out_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (hotel_id, reservation_code),
    UNIQUE (hotel_id, id),
    FOREIGN KEY (hotel_id, guest_id) REFERENCES guests (hotel_id, id)
);
-- A stay that the guest does not come for counts as checked out, so that no message belongs to it.
INSERT INTO stays_before
SELECT id, hotel_id,
    coalesce(guest_id, (SELECT guests.id FROM guests
        WHERE guests.hotel_id = stays.hotel_id AND guests.phone = '+999' || (10000000 + stays.id))),
    CASE WHEN part = 1 THEN reservation_code ELSE reservation_code || ' #' || part || '-' || id END,
    guest_name, coalesce(guest_phone, '+999' || (10000000 + id)), coalesce(room_number, '-'), check_in, check_out,
    checked_in_at, CASE WHEN cancellation IS NULL THEN checked_out_at ELSE created_at END, created_at
FROM stays;
DROP TABLE stays;
ALTER TABLE stays_before RENAME TO stays;
CREATE INDEX stays_by_guest ON stays (guest_id);
