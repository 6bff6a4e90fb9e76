-- The program before needs a room, a phone number and a guest for each stay, and a code of its own for each part.
INSERT INTO guests (hotel_id, phone, created_at)
SELECT hotel_id, '+999' || (10000000 + id), created_at FROM stays WHERE guest_id IS NULL;
UPDATE stays SET guest_id = guests.id FROM guests
WHERE stays.guest_id IS NULL AND guests.hotel_id = stays.hotel_id AND guests.phone = '+999' || (10000000 + stays.id);
UPDATE stays SET guest_phone = '+999' || (10000000 + id) WHERE guest_phone IS NULL;
UPDATE stays SET room_number = '-' WHERE room_number IS NULL;
UPDATE stays SET reservation_code = reservation_code || ' #' || part || '-' || id WHERE part <> 1;
-- A stay that the guest does not come for counts as checked out, so that no message belongs to it.
UPDATE stays SET checked_out_at = created_at, cancellation = NULL WHERE cancellation IS NOT NULL;
ALTER TABLE stays
    ADD UNIQUE (hotel_id, reservation_code),
    DROP CONSTRAINT stays_hotel_id_reservation_code_part_key,
    DROP CONSTRAINT stays_of_hotel,
    DROP CONSTRAINT stays_phone_of_guest,
    DROP COLUMN part,
    DROP COLUMN email,
    DROP COLUMN language,
    DROP COLUMN note,
    DROP COLUMN cancellation,
    ALTER COLUMN guest_id SET NOT NULL,
    ALTER COLUMN guest_phone SET NOT NULL,
    ALTER COLUMN room_number SET NOT NULL;
