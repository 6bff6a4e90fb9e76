DROP TABLE former_tries;
