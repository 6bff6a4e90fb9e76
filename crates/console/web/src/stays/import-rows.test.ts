import { describe, expect, it } from "vitest";

import type { ImportRow } from "../api/types";
import { countRows, faultsOf } from "./import-rows";

const ROWS: ImportRow[] = [
  { row: 1, reservation_code: "R-1", result: "created" },
  { row: 2, reservation_code: "R-2", result: "unchanged", id: 2 },
  { row: 3, reservation_code: "", result: "failed", errors: { guest_phone: ["Too short."], check_out: ["Too early.", "Odd."] } },
  { row: 4, reservation_code: "R-4", result: "updated", id: 4 },
  { row: 5, reservation_code: "R-5", result: "created" },
];

describe("countRows", () => {
  it("counts each result", () => {
    expect(countRows(ROWS)).toEqual({ all: 5, created: 2, updated: 1, unchanged: 1, failed: 1 });
    expect(countRows([])).toEqual({ all: 0, created: 0, updated: 0, unchanged: 0, failed: 0 });
  });
});

describe("faultsOf", () => {
  it("puts the name of the field before each error", () => {
    const [row] = ROWS.slice(2);
    expect(row && faultsOf(row, (field) => field.toUpperCase())).toBe("GUEST_PHONE: Too short. CHECK_OUT: Too early. CHECK_OUT: Odd.");
  });
});
