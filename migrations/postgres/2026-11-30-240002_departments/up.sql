-- Departments are deactivated, never deleted: closed conversations and the audit refer to them.
ALTER TABLE departments ADD COLUMN active BOOLEAN NOT NULL DEFAULT TRUE;
-- Whether the members create, change and import stays. The first department of each hotel is its reception.
ALTER TABLE departments ADD COLUMN handles_stays BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE departments SET handles_stays = TRUE WHERE id IN (SELECT min(id) FROM departments GROUP BY hotel_id);
