import { describe, expect, it } from "vitest";

import { countMoved, freezeRows } from "./frozen-order";

describe("countMoved", () => {
  it.each([
    ["nothing", [1, 2, 3], [1, 2, 3], 0],
    ["one that rises", [1, 2, 3], [3, 1, 2], 1],
    ["two that rise", [1, 2, 3, 4], [4, 3, 1, 2], 2],
    ["a new one", [1, 2], [9, 1, 2], 1],
    ["one that leaves", [1, 2], [2], 1],
    ["one for another", [1, 2], [9, 2], 2],
  ])("counts %s", (_name, shown, live, expected) => {
    expect(countMoved(shown, live)).toBe(expected);
  });
});

it("keeps the place of a conversation that has left, and hides new ones", () => {
  expect(freezeRows([1, 2, 3], [4, 3, 1])).toEqual([
    { id: 1, isGone: false },
    { id: 2, isGone: true },
    { id: 3, isGone: false },
  ]);
});
