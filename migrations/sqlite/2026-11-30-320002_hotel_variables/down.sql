ALTER TABLE hotels DROP COLUMN variables;
ALTER TABLE hotels DROP COLUMN whatsapp_business_account_id;
