DROP TABLE staff_settings;
