import { describe, expect, it } from "vitest";

import { cellOf, excerptCsv, parseCsv } from "./csv";

const TEXT = '\uFEFFcheck_out;guest_name;room_number\r\n2026-12-03;"Zoë; ""the"" Ångström" ;101\r\n\r\n2026-12-04;"two\nlines";102\n2026-12-05;Bo;103';

describe("parseCsv", () => {
  it("numbers rows as the server does", () => {
    const table = parseCsv(TEXT);
    expect(table?.delimiter).toBe(";");
    expect(table?.rows.map(({ cells }) => cells)).toEqual([
      ["2026-12-03", 'Zoë; "the" Ångström', "101"],
      [""],
      ["2026-12-04", "two\nlines", "102"],
      ["2026-12-05", "Bo", "103"],
    ]);
  });

  it("takes the most frequent delimiter of the header, or the named one", () => {
    expect(parseCsv("a,b\n1,2;3")?.rows[0]?.cells).toEqual(["1", "2;3"]);
    expect(parseCsv("a;b;c,d\n1;2;3")?.rows[0]?.cells).toEqual(["1", "2", "3"]);
    expect(parseCsv("a\tb\n1\t2")?.rows[0]?.cells).toEqual(["1", "2"]);
    for (const line of ["sep=;", '"SEP=;"', "\r\n;;\r\nsep=;"]) {
      expect(parseCsv(`${line}\r\na,1;b\r\n1;2`)?.rows.map(({ cells }) => cells)).toEqual([["1", "2"]]);
    }
  });

  it("finds columns in any case", () => {
    const table = parseCsv("Guest Name,ROOM_NUMBER\nAna,7");
    if (table === null) throw new Error("no table");
    expect([cellOf(table, 1, "guest_name"), cellOf(table, 1, "room_number")]).toEqual(["Ana", "7"]);
  });

  it("knows no table without a header", () => {
    expect(parseCsv("")).toBeNull();
    expect(parseCsv("\r\n\n")).toBeNull();
  });

  it("finds cells by column", () => {
    const table = parseCsv(TEXT);
    if (table === null) throw new Error("no table");
    expect(cellOf(table, 4, "guest_name")).toBe("Bo");
    expect(cellOf(table, 3, "colour")).toBe("");
    expect(cellOf(table, 9, "guest_name")).toBe("");
  });
});

describe("excerptCsv", () => {
  it("keeps the rows as written and adds their errors", () => {
    const table = parseCsv(TEXT);
    if (table === null) throw new Error("no table");
    const text = excerptCsv(table, [{ row: 1, error: 'No "phone".' }, { row: 4, error: "Late." }, { row: 7, error: "?" }], "error");
    expect(text).toBe(
      '\uFEFFcheck_out;guest_name;room_number;"error"\r\n2026-12-03;"Zoë; ""the"" Ångström" ;101;"No ""phone""."\r\n2026-12-05;Bo;103;"Late."\r\n',
    );
    expect(parseCsv(text)?.rows.map(({ cells }) => cells[3])).toEqual(['No "phone".', "Late."]);
  });
});
