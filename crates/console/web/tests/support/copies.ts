import { execFileSync } from "node:child_process";
import { join } from "node:path";

import type { Server } from "./server";

/** In Python, because Node 20 has no SQLite; `.ci/run` needs Python anyway. */
const SCRIPT = `
import sqlite3, sys
path, message, first, end = sys.argv[1], *map(int, sys.argv[2:])
with sqlite3.connect(path, timeout=30) as database:
    names = [row[1] for row in database.execute("PRAGMA table_info(messages)") if row[1] not in ("id", "content")]
    columns = ", ".join(names)
    database.execute(f"""
        WITH RECURSIVE numbers(number) AS (SELECT ? UNION ALL SELECT number + 1 FROM numbers WHERE number + 1 < ?)
        INSERT INTO messages (content, {columns}) SELECT 'Note ' || number, {columns} FROM numbers, messages WHERE id = ?
    """, (first, end, message))
`;

/** Copies a note as "Note 7" and so on, directly in the database, because thousands of API calls would take minutes. */
export function copyNote({ folder }: Server, messageId: number, first: number, end: number): void {
  const database = join(folder, "message_manager.db");
  execFileSync("python3", ["-c", SCRIPT, database, String(messageId), String(first), String(end)]);
}
