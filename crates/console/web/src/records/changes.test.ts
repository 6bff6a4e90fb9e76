import { describe, expect, it } from "vitest";

import { changesOf, moved } from "./changes";

describe("changesOf", () => {
  it("contains only keys with different values", () => {
    const before = { name: "Ana", ids: [1, 2], phone: null as string | null, note: "x" };
    expect(changesOf(before, { name: "Ana", ids: [2, 1], phone: null })).toEqual({ ids: [2, 1] });
    expect(changesOf(before, { name: "Eva", note: "x", phone: "+34" })).toEqual({ name: "Eva", phone: "+34" });
  });
});

describe("moved", () => {
  it("moves by one place and stops at the ends", () => {
    expect(moved([1, 2, 3], 2, -1)).toEqual([1, 3, 2]);
    expect(moved([1, 2, 3], 0, 1)).toEqual([2, 1, 3]);
    expect(moved([1, 2, 3], 0, -1)).toEqual([1, 2, 3]);
    expect(moved([1, 2, 3], 2, 1)).toEqual([1, 2, 3]);
  });
});
