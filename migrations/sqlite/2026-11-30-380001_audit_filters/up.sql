-- Who made a change, also if it was neither a staff member nor an API key. Old entries: staff and API keys are known; what
-- nobody else can do came from the command line.
ALTER TABLE audit ADD COLUMN actor_type TEXT NOT NULL DEFAULT 'system'
    CHECK (actor_type IN ('staff', 'api_key', 'command_line', 'guest', 'system'));
UPDATE audit SET actor_type = CASE
    WHEN actor IS NOT NULL THEN 'staff'
    WHEN api_key_id IS NOT NULL THEN 'api_key'
    WHEN action IN (
        'staff_created', 'staff_changed', 'password_set', 'sessions_ended', 'api_key_created', 'api_key_revoked',
        'stay_status_changed'
    ) THEN 'command_line'
    WHEN action = 'reopened' THEN 'guest'
    ELSE 'system'
END;

-- The filters of the audit, newest first.
DROP INDEX audit_by_hotel;
CREATE INDEX audit_by_time ON audit (hotel_id, at, id);
CREATE INDEX audit_by_conversation ON audit (hotel_id, conversation_id, at, id) WHERE conversation_id IS NOT NULL;
CREATE INDEX audit_by_actor ON audit (hotel_id, actor, at, id) WHERE actor IS NOT NULL;
CREATE INDEX audit_by_staff ON audit (hotel_id, staff_id, at, id) WHERE staff_id IS NOT NULL;
CREATE INDEX audit_by_action ON audit (hotel_id, action, at, id);
