DROP TABLE reach_losses;
DROP INDEX conversations_by_open_assignee;
