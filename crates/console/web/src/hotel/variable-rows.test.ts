import { expect, it } from "vitest";

import { rowsOf, variablesOf } from "./variable-rows";

it("shows variables in the order of their names", () => {
  expect(rowsOf({ wifi: "a", breakfast: "b" }).map(({ name }) => name)).toEqual(["breakfast", "wifi"]);
});

it("returns what the rows contain, without empty rows and braces", () => {
  const rows = [
    { id: 1, name: "{{ wifi_code }}", text: " pelican " },
    { id: 2, name: "", text: " " },
    { id: 3, name: "", text: "nameless" },
  ];
  // The server refuses the text without name with a sentence.
  expect(variablesOf(rows)).toEqual({ wifi_code: "pelican", "": "nameless" });
});
