import { describe, expect, it } from "vitest";

import { countMoved, freezeRows } from "./frozen-order";

describe("countMoved", () => {
  it.each([
    ["nothing", [1, 2, 3], [1, 2, 3], 0],
    ["a conversation that moves up", [1, 2, 3], [3, 1, 2], 1],
    ["two conversations that move up", [1, 2, 3, 4], [4, 3, 1, 2], 2],
    ["a new conversation", [1, 2], [9, 1, 2], 1],
    ["a conversation that leaves", [1, 2], [2], 1],
    ["a conversation replaced by another", [1, 2], [9, 2], 2],
  ])("counts %s", (_name, shown, live, expected) => {
    expect(countMoved(shown, live)).toBe(expected);
  });
});

it("freezes the rows: a conversation that has left keeps its row, new ones are hidden", () => {
  expect(freezeRows([1, 2, 3], [4, 3, 1])).toEqual([
    { id: 1, isGone: false },
    { id: 2, isGone: true },
    { id: 3, isGone: false },
  ]);
});
