import { describe, expect, it } from "vitest";

import { insertPlaceholder, missingOf, partsOf } from "./placeholders";

const VALUES = { guest_name: "Ana", room_number: null };

function shown(content: string): string {
  return partsOf(content, VALUES)
    .map((part) => (part.kind === "text" ? part.text : `<${part.name}=${part.value}>`))
    .join("");
}

describe("partsOf", () => {
  it.each([
    ["Good morning", "Good morning"],
    ["Hello {{guest_name}}!", "Hello <guest_name=Ana>!"],
    ["{{ guest_name }}{{room_number}}", "<guest_name=Ana><room_number=null>"],
    ["{{{guest_name}}}", "{<guest_name=Ana>}"],
    ["{{ {{guest_name}}", "{{ <guest_name=Ana>"],
    ["{guest_name} {{}} {{guest name}} {{é}} {{guest_name", "{guest_name} {{}} {{guest name}} {{é}} {{guest_name"],
    ["{{1}}", "<1=null>"],
    ["", ""],
  ])("splits %s as the server does", (content, expected) => expect(shown(content)).toBe(expected));
});

describe("missingOf", () => {
  it("returns each missing name once, in order", () => {
    expect(missingOf(partsOf("{{b}} {{guest_name}} {{a}} {{b}}", VALUES))).toEqual(["b", "a"]);
  });
});

describe("insertPlaceholder", () => {
  it("replaces the selection and puts the caret behind the placeholder", () => {
    expect(insertPlaceholder("Hello XX!", "guest_name", 6, 8)).toEqual({ text: "Hello {{guest_name}}!", caret: 20 });
  });
});
