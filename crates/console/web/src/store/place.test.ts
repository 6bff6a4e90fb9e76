import { expect, it } from "vitest";

import { parsePlace, placePath } from "./place";

it.each([
  ["mine", { queue: "mine", department: null }],
  ["with_us-3", { queue: "with_us", department: 3 }],
  ["mine-3", null],
  ["with_us-x", null],
  ["nothing", null],
])("parses %s", (segment, place) => {
  expect(parsePlace(segment)).toEqual(place);
});

it("formats a place as a path", () => {
  expect(placePath({ queue: "with_us", department: 3 }, 1977)).toBe("/inbox/with_us-3/1977");
  expect(placePath({ queue: "done", department: null })).toBe("/inbox/done");
});
