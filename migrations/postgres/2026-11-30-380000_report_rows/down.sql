DROP TABLE report_backfill;
ALTER TABLE messages DROP COLUMN department_id;
ALTER TABLE conversations DROP COLUMN opened_at;
DROP TABLE report_closings;
DROP TABLE report_missed;
DROP TABLE report_answers;
DROP TABLE report_activity;
