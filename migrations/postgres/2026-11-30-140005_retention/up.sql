-- Meta reports again and again what nobody here knows: each report is kept once.
DELETE FROM early_reports
WHERE id NOT IN (SELECT min(id) FROM early_reports GROUP BY whatsapp_message_id, hotel_id, delivery);
DROP INDEX early_reports_by_message;
CREATE UNIQUE INDEX early_reports_once ON early_reports (whatsapp_message_id, hotel_id, delivery);
-- What was parked and is settled is deleted after some time.
CREATE INDEX parked_settled ON parked (settled_at) WHERE settled_at IS NOT NULL;
