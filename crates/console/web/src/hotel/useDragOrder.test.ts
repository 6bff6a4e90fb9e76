import { expect, it } from "vitest";

import { movedTo } from "./useDragOrder";

it.each([
  [[1, 2, 3], 1, 2, [2, 3, 1]],
  [[1, 2, 3], 3, 0, [3, 1, 2]],
  [[1, 2, 3], 2, 0, [2, 1, 3]],
])("%o: entry %s to place %s", (ids, id, place, expected) => {
  expect(movedTo(ids, id, place)).toEqual(expected);
});

it("returns the same list while the entry stays where it is", () => {
  const ids = [1, 2, 3];
  expect(movedTo(ids, 2, 1)).toBe(ids);
});
