import { expect, it } from "vitest";

import { stateOfStay } from "./stay-state";

it.each([
  ["2026-11-26", { kind: "arrives", days: 2 }],
  ["2026-11-28", { kind: "arrives_today" }],
  ["2026-11-29", { kind: "in_house", day: 2, days: 4 }],
  ["2026-12-01", { kind: "in_house", day: 4, days: 4 }],
  ["2026-12-02", { kind: "leaves_today" }],
  ["2026-12-03", { kind: "left" }],
])("state of a stay from 28 November to 2 December on %s", (today, expected) => {
  expect(stateOfStay("2026-11-28", "2026-12-02", today)).toEqual(expected);
});
