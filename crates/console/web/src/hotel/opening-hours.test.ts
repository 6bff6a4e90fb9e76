import { describe, expect, it } from "vitest";

import { copyToAll, endsNextDay, hoursOf, problemOf, setDay, weekOf, type Span, type Week } from "./opening-hours";

const CLOSED = weekOf({});

function weekWith(days: Partial<Record<keyof Week, readonly Span[]>>): Week {
  return { ...CLOSED, ...days };
}

describe("opening hours", () => {
  it("are the same after editing nothing", () => {
    const hours = { mon: [["08:00", "12:00"], ["14:00", "22:00"]], sat: [["22:00", "02:00"]] };
    expect(hoursOf(weekOf(hours))).toEqual(hours);
  });

  it("of a whole day end at midnight, for the API at 24:00", () => {
    const week = weekOf({ sun: [["00:00", "24:00"]] });
    expect(week.sun).toEqual([["00:00", "00:00"]]);
    expect(problemOf(week)).toBeNull();
    expect(hoursOf(week)).toEqual({ sun: [["00:00", "24:00"]] });
  });

  it("of a day are sorted, copied to all days, and left out if closed", () => {
    const week = setDay(CLOSED, "tue", [["14:00", "18:00"], ["08:00", "12:00"]]);
    expect(hoursOf(week)).toEqual({ tue: [["08:00", "12:00"], ["14:00", "18:00"]] });
    expect(Object.values(copyToAll(week, "tue"))).toEqual(Array.from({ length: 7 }, () => week.tue));
  });

  it("end on the next day if the end is not after the start", () => {
    expect([endsNextDay(["22:00", "06:00"]), endsNextDay(["18:00", "00:00"]), endsNextDay(["08:00", "22:00"]), endsNextDay(["08:00", ""])]).toEqual([true, true, false, false]);
  });

  it.each<[string, Week, ReturnType<typeof problemOf>]>([
    ["closed all week", CLOSED, null],
    ["two spans", weekWith({ mon: [["08:00", "12:00"], ["12:00", "22:00"]] }), null],
    ["over midnight", weekWith({ fri: [["18:00", "02:00"]], sat: [["02:00", "10:00"]] }), null],
    ["an empty time", weekWith({ mon: [["08:00", ""]] }), { day: "mon", kind: "missing" }],
    ["an empty span", weekWith({ mon: [["08:00", "08:00"]] }), { day: "mon", kind: "equal" }],
    ["an overlap", weekWith({ wed: [["12:00", "22:00"], ["08:00", "12:01"]] }), { day: "wed", kind: "overlap" }],
    ["an overlap with the next day", weekWith({ sun: [["18:00", "02:00"]], mon: [["01:00", "10:00"]] }), { day: "sun", kind: "overlap" }],
  ])("%s", (_, week, expected) => {
    expect(problemOf(week)).toEqual(expected);
  });
});
