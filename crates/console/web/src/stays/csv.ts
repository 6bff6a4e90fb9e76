/** A table of stays as the server reads it: comma or semicolon, quoted cells, empty lines ignored. */
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
  const firstLine = body.split(/\r\n|\r|\n/).find((line) => line.trim() !== "") ?? "";
  const delimiter = firstLine.includes(";") ? ";" : ",";
  const [header, ...rows] = recordsOf(body, delimiter);
  return header === undefined ? null : { delimiter, header, rows };
}

/** The cells of a row by the names of the header. */
export function cellOf(table: CsvTable, row: number, column: string): string {
  const index = table.header.cells.indexOf(column);
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
    if (raw !== "") records.push({ cells: [...cells, cell.trim()], raw });
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
