import { expect, it } from "vitest";

import { partsOf } from "./duration";

it("durations are split into two units at most", () => {
  expect([0, 89, 90, 3569, 3570, 3600, 86_369, 86_370, 90_000, 200_000].map(partsOf)).toEqual([
    { unit: "seconds", seconds: 0 },
    { unit: "seconds", seconds: 89 },
    { unit: "minutes", minutes: 2 },
    { unit: "minutes", minutes: 59 },
    { unit: "hours", hours: 1, minutes: 0 },
    { unit: "hours", hours: 1, minutes: 0 },
    { unit: "hours", hours: 23, minutes: 59 },
    { unit: "days", days: 1, hours: 0 },
    { unit: "days", days: 1, hours: 1 },
    { unit: "days", days: 2, hours: 8 },
  ]);
});
