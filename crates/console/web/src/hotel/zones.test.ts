import { describe, expect, it } from "vitest";

import { countries, timeZones } from "./zones";

describe("timeZones", () => {
  it("contain the current time zone and UTC, each once", () => {
    const ids = timeZones("Europe/Lisbon").map(({ id }) => id);
    expect(ids).toContain("UTC");
    expect(ids.filter((id) => id === "Europe/Lisbon")).toHaveLength(1);
    expect(timeZones("Mars/Olympus_Mons").find(({ id }) => id === "Mars/Olympus_Mons")?.name).toBe("Mars/Olympus Mons");
  });
});

describe("countries", () => {
  it("contain current country codes with their names in the language", () => {
    const found = new Map(countries("de").map(({ id, name }) => [id, name]));
    expect(found.get("ES")).toBe("Spanien");
    expect(found.get("GB")).toBe("Vereinigtes Königreich");
    for (const code of ["UK", "DD", "EU", "ZZ"]) expect(found.has(code)).toBe(false);
    expect(found.size).toBeGreaterThan(230);
  });
});
