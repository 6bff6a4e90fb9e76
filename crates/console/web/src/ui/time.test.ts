import { describe, expect, it } from "vitest";

import { localeOf } from "../i18n/language";
import { dayOf, daysBetween, formatFull, formatRowTime, formatTime, minutesSince, nameDay } from "./time";

const lisbon = { locale: "en-GB", zone: "Europe/Lisbon" };
const now = Date.parse("2026-11-30T18:00:00Z");

describe("formatted times", () => {
  it("are in the hotel's time zone, across a change to summer time", () => {
    expect(formatTime("2026-03-29T00:30:00Z", lisbon)).toBe("00:30");
    expect(formatTime("2026-03-29T01:30:00Z", lisbon)).toBe("02:30");
    expect(dayOf("2026-07-01T23:30:00Z", "Europe/Lisbon")).toBe("2026-07-02");
  });

  it("of list rows show the time if it is today, otherwise the date", () => {
    expect(formatRowTime("2026-11-30T09:05:00Z", now, lisbon)).toBe("09:05");
    expect(formatRowTime("2026-11-28T09:05:00Z", now, lisbon)).toBe("28 Nov");
  });

  it.each(["en", "de", "es", "ar"] as const)("use 24 hours for %s by default", (language) => {
    const format = { ...lisbon, locale: localeOf(language, "fr-FR") };
    expect(formatTime("2026-11-30T18:02:00Z", format)).toBe("18:02");
    expect(formatFull("2026-11-30T18:02:00Z", format)).toContain("18:02");
  });
});

describe("nameDay", () => {
  it.each([
    ["2026-11-30", { kind: "today" }],
    ["2026-11-29", { kind: "yesterday" }],
    ["2026-11-28", { kind: "date", text: "Saturday" }],
    ["2026-11-20", { kind: "date", text: "Fri 20 November" }],
    ["2025-11-20", { kind: "date", text: "Thu 20 November 2025" }],
  ])("%s", (day, expected) => {
    const named = nameDay(day, now, lisbon);
    expect("text" in named ? { ...named, text: named.text.replace(",", "") } : named).toEqual(expected);
  });
});

it("counts days and minutes", () => {
  expect(daysBetween("2026-03-28", "2026-03-30")).toBe(2);
  expect(minutesSince("2026-11-30T17:47:10Z", now)).toBe(12);
  expect(minutesSince("2026-11-30T18:05:00Z", now)).toBe(0);
});
