-- The open conversations of an assignee, who over the years has many more closed ones.
CREATE INDEX conversations_by_open_assignee ON conversations (assigned_to, id)
    WHERE assigned_to IS NOT NULL AND status <> 'closed';

-- Departments whose closed conversations staff members do not see any more, as long as that is not in the log for
-- each of these conversations: it is written in batches, after the change itself.
CREATE TABLE reach_losses (
    hotel_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    department_id BIGINT NOT NULL,
    -- Done up to this conversation, and to be done up to that one, the hotel's newest at the time of the change.
    done_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    PRIMARY KEY (staff_id, department_id),
    FOREIGN KEY (hotel_id, staff_id) REFERENCES staff (hotel_id, id),
    FOREIGN KEY (hotel_id, department_id) REFERENCES departments (hotel_id, id)
);
