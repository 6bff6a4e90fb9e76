-- Room, phone number and guest may be unknown, and a booking may have several parts.
ALTER TABLE stays
    ALTER COLUMN guest_id DROP NOT NULL,
    ALTER COLUMN guest_phone DROP NOT NULL,
    ALTER COLUMN room_number DROP NOT NULL,
    ADD COLUMN part INTEGER NOT NULL DEFAULT 1 CHECK (part BETWEEN 1 AND 9999),
    ADD COLUMN email TEXT,
    ADD COLUMN language TEXT,
    ADD COLUMN note TEXT,
    -- Why the guest does not come; null: the guest comes.
    ADD COLUMN cancellation TEXT CHECK (cancellation IN ('cancelled', 'no_show')),
    ADD CONSTRAINT stays_phone_of_guest CHECK (guest_phone IS NULL OR guest_id IS NOT NULL),
    ADD CONSTRAINT stays_cancelled_before_arrival CHECK (cancellation IS NULL OR (checked_in_at IS NULL AND checked_out_at IS NULL)),
    -- A stay without guest refers to its hotel by this key only.
    ADD CONSTRAINT stays_of_hotel FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    ADD UNIQUE (hotel_id, reservation_code, part),
    DROP CONSTRAINT stays_hotel_id_reservation_code_key;
