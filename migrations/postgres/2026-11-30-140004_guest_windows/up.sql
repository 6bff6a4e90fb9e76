-- The 24-hour window is that of a guest and a number of the hotel: when the guest last wrote to it, in whatever
-- conversation; and the number from which they were asked to write since.
ALTER TABLE guests ADD COLUMN window_phone_number_id TEXT;
ALTER TABLE guests ADD COLUMN last_wrote_at TIMESTAMPTZ CHECK ((last_wrote_at IS NULL) = (window_phone_number_id IS NULL));
ALTER TABLE guests ADD COLUMN asked_phone_number_id TEXT;
UPDATE guests
SET last_wrote_at = (SELECT max(last_guest_message_at) FROM conversations WHERE conversations.guest_id = guests.id),
    window_phone_number_id = (SELECT whatsapp_phone_number_id FROM hotels WHERE hotels.id = guests.hotel_id)
WHERE EXISTS (SELECT 1 FROM hotels WHERE hotels.id = guests.hotel_id AND whatsapp_phone_number_id IS NOT NULL)
    AND EXISTS (
        SELECT 1 FROM conversations WHERE conversations.guest_id = guests.id AND last_guest_message_at IS NOT NULL
    );
UPDATE guests
SET asked_phone_number_id = (SELECT whatsapp_phone_number_id FROM hotels WHERE hotels.id = guests.hotel_id)
WHERE id IN (SELECT guest_id FROM outbox WHERE state = 'held');

-- What is held, and the order of what is sent, are of the guest as well.
DROP INDEX outbox_held;
CREATE INDEX outbox_held ON outbox (guest_id, message_id) WHERE state = 'held';
DROP INDEX outbox_open;
CREATE INDEX outbox_open ON outbox (hotel_id, guest_id, message_id) WHERE state IN ('queued', 'sending');
