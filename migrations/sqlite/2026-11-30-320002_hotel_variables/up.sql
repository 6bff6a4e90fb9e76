-- Texts of the hotel for placeholders of templates, such as the Wi-Fi password: a JSON object of strings.
ALTER TABLE hotels ADD COLUMN variables TEXT NOT NULL DEFAULT '{}';
-- The WhatsApp Business Account of the hotel, which has its approved templates.
ALTER TABLE hotels ADD COLUMN whatsapp_business_account_id TEXT;
