import { expect, it } from "vitest";

import { addDays, instantAt, timeOfDayAt } from "./zoned-time";

it.each([
  ["Europe/Lisbon", "2026-11-30", "08:00", "2026-11-30T08:00:00Z"],
  ["Asia/Tokyo", "2026-11-30", "08:00", "2026-11-29T23:00:00Z"],
  ["America/Lima", "2026-11-30", "22:30", "2026-12-01T03:30:00Z"],
  ["Asia/Kathmandu", "2026-11-30", "00:00", "2026-11-29T18:15:00Z"],
  // The clocks go forward at 02:00 (Madrid): 02:30 does not exist, the next time that exists is 03:00.
  ["Europe/Madrid", "2026-03-29", "02:30", "2026-03-29T01:00:00Z"],
  ["Europe/Madrid", "2026-03-29", "03:00", "2026-03-29T01:00:00Z"],
  ["Europe/Madrid", "2026-03-29", "01:59", "2026-03-29T00:59:00Z"],
  // The clocks go back at 03:00: 02:30 exists twice, the first is meant.
  ["Europe/Madrid", "2026-10-25", "02:30", "2026-10-25T00:30:00Z"],
  ["Europe/Madrid", "2026-10-25", "03:30", "2026-10-25T02:30:00Z"],
])("in %s, %s %s is %s", (zone, day, time, expected) => {
  expect(new Date(instantAt(day, time, zone)).toISOString()).toBe(expected.replace("Z", ".000Z"));
});

it("gives the time of day and the next days", () => {
  expect(timeOfDayAt(Date.parse("2026-11-30T23:05:00Z"), "Asia/Tokyo")).toBe("08:05");
  expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
  expect(addDays("2026-03-28", 2)).toBe("2026-03-30");
});
