DROP INDEX message_templates_by_shortcut;
ALTER TABLE message_templates DROP COLUMN shortcut;
