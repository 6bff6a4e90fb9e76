DROP INDEX audit_by_action;
DROP INDEX audit_by_staff;
DROP INDEX audit_by_actor;
DROP INDEX audit_by_conversation;
DROP INDEX audit_by_time;
CREATE INDEX audit_by_hotel ON audit (hotel_id, id);
ALTER TABLE audit DROP COLUMN actor_type;
