/** A table of stays as the server reads it: comma, semicolon or tab, quoted cells; empty rows keep their place. */
export interface CsvTable {
  readonly delimiter: string;
  readonly header: CsvRecord;
  /** Row 1 of the server is the first. */
  readonly rows: readonly CsvRecord[];
}

export interface CsvRecord {
  readonly cells: readonly string[];
  /** As written, without the end of the line. */
  readonly raw: string;
}

const MARK = "\uFEFF";

/** Parses a CSV text; null if it has no header. */
export function parseCsv(text: string): CsvTable | null {
  const body = text.startsWith(MARK) ? text.slice(1) : text;
  const { start, named } = headerOf(body);
  const table = body.slice(start);
  const delimiter = named ?? delimiterOf(table.split(/\r\n|\r|\n/, 1)[0] ?? "");
  const [header, ...rows] = recordsOf(table, delimiter);
  return header === undefined || header.raw === "" ? null : { delimiter, header, rows };
}

/** Where the header begins: after empty lines, and lines that name the delimiter. */
function headerOf(body: string): { start: number; named: string | null } {
  let start = 0;
  let named: string | null = null;
  for (;;) {
    const [line = ""] = body.slice(start).split(/\r\n|\r|\n/, 1);
    const separator = /^"?sep=(.)/i.exec(line.trimStart());
    if (separator === null && /[^\s,;"]/.test(line)) return { start, named };
    const end = start + line.length;
    if (end >= body.length) return { start, named };
    named = separator?.[1] ?? named;
    start = end + (body.startsWith("\r\n", end) ? 2 : 1);
  }
}

/** The most frequent delimiter of the header. */
function delimiterOf(header: string): string {
  const count = (delimiter: string) => header.split(delimiter).length;
  return [",", ";", "\t"].reduce((best, each) => (count(each) > count(best) ? each : best));
}

/** The name of a column as the server reads it. */
function columnOf(header: string): string {
  return header.trim().toLowerCase().replaceAll(/[ -]/g, "_");
}

/** The cells of a row by the names of the header. */
export function cellOf(table: CsvTable, row: number, column: string): string {
  const index = table.header.cells.findIndex((cell) => columnOf(cell) === column);
  return table.rows[row - 1]?.cells[index] ?? "";
}

/** The rows with these numbers as a table of their own, each with its errors. Imported again it is read as it stands. */
export function excerptCsv(table: CsvTable, rows: readonly { readonly row: number; readonly error: string }[], errorColumn: string): string {
  const lines = rows.flatMap(({ row, error }) => {
    const record = table.rows[row - 1];
    return record === undefined ? [] : [record.raw + table.delimiter + quote(error)];
  });
  return `${MARK}${[table.header.raw + table.delimiter + quote(errorColumn), ...lines].join("\r\n")}\r\n`;
}

function quote(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}

function recordsOf(text: string, delimiter: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let start = 0;
  let cells: string[] = [];
  let cell = "";
  let isQuoted = false;
  let isStart = true;

  function endRecord(end: number) {
    const raw = text.slice(start, end);
    // Empty rows count; after the last line end there is none.
    if (raw !== "" || end < text.length) records.push({ cells: [...cells, cell.trim()], raw });
    cells = [];
    cell = "";
    isStart = true;
  }

  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text.charAt(at + 1) === '"') {
        cell += '"';
        at += 1;
      } else isQuoted = false;
    } else if (letter === '"' && isStart) {
      isQuoted = true;
      isStart = false;
    } else if (letter === delimiter) {
      cells.push(cell.trim());
      cell = "";
      isStart = true;
    } else if (letter === "\n" || letter === "\r") {
      endRecord(at);
      if (letter === "\r" && text.charAt(at + 1) === "\n") at += 1;
      start = at + 1;
    } else {
      cell += letter;
      isStart = false;
    }
  }
  endRecord(text.length);
  return records;
}
