import { describe, expect, it } from "vitest";

import { countries, timeZones } from "./zones";

describe("timeZones", () => {
  it("have the present one and UTC, each once", () => {
    const ids = timeZones("Europe/Lisbon").map(({ id }) => id);
    expect(ids).toContain("UTC");
    expect(ids.filter((id) => id === "Europe/Lisbon")).toHaveLength(1);
    expect(timeZones("Mars/Olympus_Mons").find(({ id }) => id === "Mars/Olympus_Mons")?.name).toBe("Mars/Olympus Mons");
  });
});

describe("countries", () => {
  it("have today's codes by the names of the language", () => {
    const found = new Map(countries("de").map(({ id, name }) => [id, name]));
    expect(found.get("ES")).toBe("Spanien");
    expect(found.get("GB")).toBe("Vereinigtes Königreich");
    for (const code of ["UK", "DD", "EU", "ZZ"]) expect(found.has(code)).toBe(false);
    expect(found.size).toBeGreaterThan(230);
  });
});
