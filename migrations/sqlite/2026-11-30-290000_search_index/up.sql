-- All that a search in the list of conversations compares, so that it reads neither the rows nor their order. Partial, so
-- that only searches use it: they repeat the condition. Messages change none of these columns.
CREATE INDEX conversations_by_search ON conversations (hotel_id, status, department_id, search_key)
    WHERE search_key <> '';
