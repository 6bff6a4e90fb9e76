-- When a guest last got the message that a department is closed.
CREATE TABLE away_messages (
    hotel_id BIGINT NOT NULL,
    guest_id BIGINT NOT NULL,
    department_id BIGINT NOT NULL,
    sent_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guest_id, department_id),
    FOREIGN KEY (hotel_id, guest_id) REFERENCES guests (hotel_id, id) ON DELETE CASCADE,
    FOREIGN KEY (hotel_id, department_id) REFERENCES departments (hotel_id, id)
);
-- Each department may have a text of its own for that message, beside that of the hotel.
DROP INDEX message_templates_texts;
CREATE UNIQUE INDEX message_templates_texts ON message_templates
    (hotel_id, name, (CASE WHEN substr(name, 1, 9) = 'flow.away' THEN COALESCE(department_id, 0) ELSE 0 END))
    WHERE template_type = 'text';
