import { expect, test } from "vitest";

import { atWallClock, nextMorning, timeRange, wallClock } from "./send-times";

const MADRID = "Europe/Madrid";
const iso = (at: number) => new Date(at).toISOString();

test("the morning is the next end of the quiet hours by the hotel's clock", () => {
  const night = Date.parse("2026-11-30T23:30:00Z");
  expect(iso(nextMorning(["22:00", "07:30"], night, MADRID))).toBe("2026-12-01T06:30:00.000Z");
  expect(iso(nextMorning(null, night, MADRID))).toBe("2026-12-01T07:00:00.000Z");
  expect(iso(nextMorning(undefined, Date.parse("2026-12-01T07:00:00Z"), MADRID))).toBe("2026-12-02T07:00:00.000Z");
  // The clocks go forward in this night.
  expect(iso(nextMorning(null, Date.parse("2026-03-28T22:00:00Z"), MADRID))).toBe("2026-03-29T06:00:00.000Z");
});

test("the hotel's clock is converted in both directions", () => {
  for (const [wall, zone, at] of [
    ["2026-11-30T18:02", MADRID, "2026-11-30T17:02:00.000Z"],
    ["2026-07-01T00:00", MADRID, "2026-06-30T22:00:00.000Z"],
    ["2026-11-30T18:02", "Asia/Kathmandu", "2026-11-30T12:17:00.000Z"],
    ["2026-11-30T18:02", "America/New_York", "2026-11-30T23:02:00.000Z"],
    ["2026-11-30T18:02", "UTC", "2026-11-30T18:02:00.000Z"],
  ] as const) {
    expect(iso(atWallClock(wall, zone))).toBe(at);
    expect(wallClock(Date.parse(at), zone)).toBe(wall);
  }
  // Half past two does not exist in this night.
  expect(wallClock(atWallClock("2026-03-29T02:30", MADRID), MADRID)).toBe("2026-03-29T03:00");
  expect(atWallClock("", MADRID)).toBeNaN();
});

test("a time can be chosen for the next thirty days", () => {
  const { min, max } = timeRange(Date.parse("2026-11-30T17:02:30Z"), MADRID);
  expect([min, max]).toEqual(["2026-11-30T18:02", "2026-12-30T18:01"]);
});
