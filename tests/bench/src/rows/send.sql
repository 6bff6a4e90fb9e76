-- What the product does on PostgreSQL for a message that is sent (its log, log_statement = all),
-- each in a transaction of its own. For pgbench; hotels, staff and stays say how much was made up.
\set hotel random(1, :hotels)
\set sender (:hotel - 1) * :staff + 2
\set conversation (:hotel - 1) * :stays + 2 * random(1, :stays / 2) - 1
BEGIN;
SELECT id FROM conversations WHERE id = ANY(ARRAY[:conversation]::bigint[]) OR stay_id = ANY('{}'::bigint[]) ORDER BY id FOR UPDATE;
SELECT sessions.id, sessions.generation, sessions.superseded_generation, sessions.superseded_at, sessions.created_at, sessions.last_used_at, staff.id, staff.hotel_id, staff.username, staff.name, staff.role, staff.active, staff_departments.department_id FROM ((sessions INNER JOIN staff ON (sessions.staff_id = staff.id)) LEFT OUTER JOIN staff_departments ON (staff_departments.staff_id = staff.id)) WHERE sessions.revoked_at IS NULL AND staff.active = TRUE AND sessions.last_used_at > now() - interval '30 days' AND sessions.created_at > now() - interval '90 days' AND sessions.id = :hotel::text ORDER BY staff_departments.position;
SELECT id, hotel_id, guest_id, stay_id, status, department_id, assigned_to FROM conversations WHERE id = :conversation LIMIT 1;
SELECT id, name, timezone, default_department_id, whatsapp_phone_number_id, (SELECT departments.id FROM departments WHERE departments.hotel_id = hotels.id ORDER BY departments.id LIMIT 1) FROM hotels WHERE id = :hotel LIMIT 1;
INSERT INTO messages (conversation_id, content, sender_type, staff_sender, timestamp, delivery, internal, client_ref, request_digest, guest_ordinal) VALUES (:conversation, 'Of course. Two more towels and a second pillow are on their way; is there anything else that we can do for you tonight?', 'staff', :sender, now(), 'sent', FALSE, NULL, NULL, (SELECT guest_messages + 0 FROM conversations WHERE id = :conversation LIMIT 1)) RETURNING id AS message \gset
UPDATE conversations SET updated_at = now(), last_message_id = :message WHERE id = :conversation;
INSERT INTO read_marks (staff_id, conversation_id, message_id, guest_ordinal) SELECT :sender::bigint, conversation_id, id, guest_ordinal FROM messages WHERE id = :message AND conversation_id = :conversation ON CONFLICT (conversation_id, staff_id) DO UPDATE SET message_id = excluded.message_id, guest_ordinal = excluded.guest_ordinal WHERE read_marks.message_id < excluded.message_id;
UPDATE hotel_counters SET seq = seq + 2 WHERE hotel_id = :hotel RETURNING seq \gset
INSERT INTO events (hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, department_before, department_after, only_message) VALUES (:hotel, :seq - 1, now(), 'message', :conversation, :conversation, :message, NULL, NULL, NULL, FALSE), (:hotel, :seq, now(), 'conversation_updated', :conversation, :conversation, NULL, NULL, :hotel, :hotel, TRUE);
COMMIT;
