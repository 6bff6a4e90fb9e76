import { describe, expect, it } from "vitest";

import { chosenTime, snoozeChoices } from "./snooze-choices";

const ZONE = "Europe/Madrid";

function offered(at: string): string[] {
  return snoozeChoices(Date.parse(at), ZONE).map(({ name, until }) => `${name} ${new Date(until).toISOString().slice(5, 16)}`);
}

describe("the offered ends of a snooze", () => {
  it.each([
    ["in the afternoon", "2026-11-30T14:20:40+01:00", ["hour 11-30T14:20", "evening 11-30T17:00", "tomorrow 12-01T07:00"]],
    ["before the evening", "2026-11-30T17:40:00+01:00", ["hour 11-30T17:40", "evening 11-30T20:00", "tomorrow 12-01T07:00"]],
    ["late", "2026-11-30T22:00:00+01:00", ["hour 11-30T22:00", "tomorrow 12-01T07:00"]],
    ["at night", "2026-12-01T02:00:00+01:00", ["hour 12-01T02:00", "morning 12-01T07:00", "evening 12-01T17:00", "tomorrow 12-02T07:00"]],
    ["before the clocks change", "2026-03-28T12:00:00+01:00", ["hour 03-28T12:00", "evening 03-28T17:00", "tomorrow 03-29T06:00"]],
  ])("%s", (_, now, expected) => {
    expect(offered(now)).toEqual(expected);
  });
});

it.each([
  ["", "08:00", { problem: "missing" }],
  ["2026-11-30", "", { problem: "missing" }],
  ["2026-11-30", "14:00", { problem: "past" }],
  ["2027-03-15", "14:00", { problem: "too_far" }],
  ["2026-12-24", "10:30", { until: Date.parse("2026-12-24T09:30:00Z") }],
])("the chosen time %s %s", (day, time, expected) => {
  expect(chosenTime(day, time, Date.parse("2026-11-30T14:00:00+01:00"), ZONE)).toEqual(expected);
});
