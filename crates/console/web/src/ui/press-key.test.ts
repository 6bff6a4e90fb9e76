// @vitest-environment happy-dom
import { expect, it } from "vitest";

import { isKey, pressKey } from "./keys";

it.each([false, true])("a command has the effect of its key (on a Mac: %s)", (mac) => {
  const pressed: string[] = [];
  const listener = (event: KeyboardEvent) => {
    // This environment does not know the state of AltGr.
    Object.assign(event, { getModifierState: () => false });
    pressed.push(`transfer: ${isKey(event, "transfer", mac)}, take: ${isKey(event, "take", mac)}`);
  };
  document.addEventListener("keydown", listener);
  pressKey("transfer", mac);
  document.removeEventListener("keydown", listener);
  expect(pressed).toEqual(["transfer: true, take: false"]);
});
