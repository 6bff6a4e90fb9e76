DROP INDEX conversations_by_search;
