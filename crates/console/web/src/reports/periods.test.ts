import { describe, expect, it } from "vitest";

import { isDay, periodOf, PRESETS, presetOf } from "./periods";

describe("periods", () => {
  it("end today, except for the last month", () => {
    const today = "2027-03-01";
    expect(PRESETS.map((preset) => periodOf(preset, today))).toEqual([
      { from: "2027-02-23", to: today },
      { from: "2027-01-31", to: today },
      { from: "2027-03-01", to: today },
      { from: "2027-02-01", to: "2027-02-28" },
      { from: "2026-03-02", to: today },
    ]);
  });

  it("are recognised as presets", () => {
    for (const preset of PRESETS) expect(presetOf(periodOf(preset, "2027-03-17"), "2027-03-17")).toBe(preset);
    // On the 30th the month is the last 30 days.
    expect(presetOf(periodOf("month", "2026-11-30"), "2026-11-30")).toBe("days30");
    expect(presetOf({ from: "2026-11-29", to: "2026-11-30" }, "2026-11-30")).toBeNull();
  });

  it("consist of existing days", () => {
    expect(["2026-02-28", "2028-02-29"].map(isDay)).toEqual([true, true]);
    expect(["2026-02-29", "2026-13-01", "26-1-1", "", "x"].map(isDay)).toEqual([false, false, false, false, false]);
  });
});
