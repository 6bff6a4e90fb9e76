import { describe, expect, it } from "vitest";

import { makePassword } from "./password";

describe("makePassword", () => {
  it("has 20 characters in groups, without ambiguous ones", () => {
    for (let round = 0; round < 50; round += 1) expect(makePassword()).toMatch(/^([a-hjkmnp-z2-9]{4}-){4}[a-hjkmnp-z2-9]{4}$/);
  });

  it("is different each time", () => {
    expect(new Set(Array.from({ length: 100 }, () => makePassword())).size).toBe(100);
  });

  it("skips bytes that would make some characters more likely", () => {
    const bytes = [255, 250, 0, ...Array.from({ length: 19 }, () => 1)];
    expect(makePassword((target) => target.set([bytes.shift() ?? 0]))).toBe("abbb-bbbb-bbbb-bbbb-bbbb");
  });
});
