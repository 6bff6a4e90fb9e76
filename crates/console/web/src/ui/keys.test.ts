import { describe, expect, it } from "vitest";

import { KEYS, isCharacter, isKey, keyNames, type PressedKey } from "./keys";

function press(key: string, held: Partial<PressedKey> & { altGr?: boolean } = {}): PressedKey {
  return {
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    isComposing: false,
    keyCode: 0,
    getModifierState: () => held.altGr ?? false,
    ...held,
  };
}

describe("isKey", () => {
  it.each([
    ["Ctrl Shift E", press("E", { ctrlKey: true, shiftKey: true }), "done", true],
    ["Ctrl E", press("e", { ctrlKey: true }), "done", false],
    ["J", press("j"), "nextRow", true],
    ["Ctrl J", press("j", { ctrlKey: true }), "nextRow", false],
    ["? with Shift", press("?", { shiftKey: true }), "showKeys", true],
    ["? without Shift", press("?"), "showKeys", true],
    ["Enter in a composition", press("Enter", { isComposing: true }), "send", false],
    ["Enter that ends a composition in Safari", press("Enter", { keyCode: 229 }), "send", false],
    ["AltGr Shift E", press("E", { ctrlKey: true, shiftKey: true, altGr: true }), "done", false],
    ["Shift Enter", press("Enter", { shiftKey: true }), "send", false],
  ] as const)("%s", (_name, event, action, expected) => {
    expect(isKey(event, action, false)).toBe(expected);
  });

  it("uses Cmd instead of Ctrl on a Mac", () => {
    expect(isKey(press("e", { metaKey: true, shiftKey: true }), "done", true)).toBe(true);
    expect(isKey(press("e", { ctrlKey: true, shiftKey: true }), "done", true)).toBe(false);
    expect(keyNames("done", true)).toEqual(["⌘ ⇧ E"]);
  });
});

it("no single key acts outside lists and the composer", () => {
  const single = Object.values(KEYS).filter(({ scope, combos }) => scope === "everywhere" && combos.some((c) => c.length === 1));
  expect(single).toEqual([]);
});

describe("isCharacter", () => {
  it.each([
    ["a letter", press("j"), true],
    ["a question mark", press("?", { shiftKey: true }), true],
    ["a character beyond the first plane", press("😀"), true],
    ["AltGr Q", press("@", { ctrlKey: true, altKey: true, altGr: true }), true],
    ["Ctrl C", press("c", { ctrlKey: true }), false],
    ["Enter", press("Enter"), false],
    ["the space, which scrolls", press(" "), false],
  ])("%s", (_name, event, expected) => {
    expect(isCharacter(event)).toBe(expected);
  });
});
