DROP INDEX parked_settled;
DROP INDEX early_reports_once;
CREATE INDEX early_reports_by_message ON early_reports (whatsapp_message_id);
