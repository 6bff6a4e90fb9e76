import { expect, it } from "vitest";

import { conversationWith, stateWith } from "../testing/data";
import { newlyFailed } from "./failures";

const none = { failed: 0, unknown: 0, held: 0 };

function failuresOf(before: typeof none, after: typeof none): readonly number[] {
  return newlyFailed(stateWith([conversationWith({ unsent: before })]), stateWith([conversationWith({ unsent: after })]));
}

it.each([
  ["a message fails", none, { ...none, failed: 1 }, [1]],
  ["a message becomes unknown", none, { ...none, unknown: 1 }, [1]],
  ["one of two failed messages is retried", { ...none, failed: 2 }, { ...none, failed: 1 }, []],
  ["a message is held", none, { ...none, held: 1 }, []],
  ["an unknown message fails", { ...none, unknown: 1 }, { ...none, failed: 1 }, []],
])("%s", (_, before, after, expected) => {
  expect(failuresOf(before, after)).toEqual(expected);
});

it("ignores failures of the first snapshot, and of conversations that become visible", () => {
  const failed = stateWith([conversationWith({ unsent: { ...none, failed: 1 } })]);
  expect(newlyFailed({ ...stateWith([]), cursor: null }, failed)).toEqual([]);
  expect(newlyFailed(stateWith([]), failed)).toEqual([]);
});
