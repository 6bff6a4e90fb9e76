-- By when the members of a department should answer a guest, counted in the department's opening hours: a JSON object
-- of spans for each day of the week; null: always open.
ALTER TABLE departments ADD COLUMN first_response_minutes BIGINT CHECK (first_response_minutes BETWEEN 1 AND 1440);
ALTER TABLE departments ADD COLUMN opening_hours TEXT;
-- When guests should not be disturbed: a JSON array of two times of the day.
ALTER TABLE hotels ADD COLUMN quiet_hours TEXT;
-- By when staff should answer the guest, and when to raise the alarm that nobody has; null once it was raised.
ALTER TABLE conversations ADD COLUMN response_due_at BIGINT
    CHECK (response_due_at IS NULL OR waiting_since IS NOT NULL);
ALTER TABLE conversations ADD COLUMN overdue_alarm_at BIGINT
    CHECK (overdue_alarm_at IS NULL OR response_due_at IS NOT NULL);
CREATE INDEX conversations_waiting ON conversations (hotel_id, waiting_since) WHERE waiting_since IS NOT NULL;
CREATE INDEX conversations_overdue_alarm ON conversations (overdue_alarm_at) WHERE overdue_alarm_at IS NOT NULL;

-- The alarms that were raised: one for each time since which a guest waits, and department.
CREATE TABLE overdue_alarms (
    hotel_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    department_id BIGINT NOT NULL,
    waiting_since BIGINT NOT NULL,
    raised_at BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, department_id, waiting_since),
    FOREIGN KEY (hotel_id, conversation_id) REFERENCES conversations (hotel_id, id),
    FOREIGN KEY (hotel_id, department_id) REFERENCES departments (hotel_id, id)
);

-- Hotels whose response clocks have to be computed again, because a target, opening hours or the time zone changed.
CREATE TABLE clock_refreshes (
    hotel_id BIGINT NOT NULL PRIMARY KEY REFERENCES hotels (id),
    run_at BIGINT NOT NULL
);

-- Since when the guest of a `response_overdue` waits.
ALTER TABLE events ADD COLUMN waiting_since BIGINT CHECK ((kind = 'response_overdue') = (waiting_since IS NOT NULL));
