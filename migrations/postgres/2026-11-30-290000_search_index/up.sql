-- Nothing to do: the index is for SQLite. PostgreSQL would still read the rows, to see which of them are visible.
SELECT 1;
