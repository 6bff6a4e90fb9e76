import { describe, expect, it } from "vitest";

import type { Conversation, Template } from "../api/types";
import { fillKnown, findQuery, matchTemplates, missingNames } from "./canned";
import { refuseFile } from "./files";
import { windowOf } from "./window";

describe("findQuery", () => {
  it.each([
    ["/wif", 4, "wif"],
    ["Hello\n/", 7, ""],
    ["and/or", 6, null],
    ["/wif i", 6, null],
    ["/wifi", 3, "wi"],
    ["", 0, null],
  ])("%j", (text, caret, words) => {
    expect(findQuery(text, caret)?.words ?? null).toBe(words);
  });
});

function template(id: number, name: string, change: Partial<Template> = {}): Template {
  return { id, name, content: name, template_type: "text", language: null, department_id: null, shortcut: null, ...change } as Template;
}

it("finds canned replies by shortcut, name and text, in the department and for all departments", () => {
  const templates = [
    template(1, "Breakfast", { content: "Wifi is free at breakfast" }),
    template(2, "Network", { shortcut: "wifi" }),
    template(3, "wifi opener", { template_type: "whatsapp" }),
    template(4, "wifi spa", { department_id: 9 }),
  ];
  expect(matchTemplates(templates, "wif", 1).map(({ id }) => id)).toEqual([2, 1]);
  expect(matchTemplates(templates, "wif", 9).map(({ id }) => id)).toEqual([2, 4, 1]);
});

it("replaces placeholders with a value and lists the others", () => {
  const text = fillKnown("Dear {{guest_name}}, {{ wifi_code }}", { guest_name: "Ana", room_number: null });
  expect(text).toBe("Dear Ana, {{ wifi_code }}");
  expect(missingNames(text)).toEqual(["wifi_code"]);
});

it.each([
  [{ size: 0, type: "image/png" }, true, "file_empty"],
  [{ size: 17 * 1024 * 1024, type: "image/png" }, true, "file_too_large"],
  [{ size: 1, type: "application/zip" }, true, "file_type"],
  [{ size: 1, type: "application/zip" }, false, null],
  [{ size: 1, type: "" }, true, null],
  [{ size: 1, type: "image/jpeg" }, true, null],
])("checks a file %j", (file, hasNumber, expected) => {
  expect(refuseFile(file, hasNumber)).toBe(expected);
});

describe("windowOf", () => {
  const now = Date.parse("2026-11-30T18:00:00Z");
  const at = (window_expires_at: string | null, last_guest_message_at: string | null) =>
    windowOf({ window_expires_at, last_guest_message_at } as Conversation, true, now);

  it("returns an open, a closed or a never opened window", () => {
    expect(at("2026-12-01T15:14:30Z", "2026-11-30T15:14:30Z")).toEqual({ kind: "open", hours: 21, minutes: 14 });
    expect(at("2026-11-30T17:00:00Z", "2026-11-29T17:00:00Z")).toEqual({ kind: "closed", never: false });
    expect(at(null, null)).toEqual({ kind: "closed", never: true });
    expect(windowOf({} as Conversation, false, now)).toEqual({ kind: "none" });
  });
});
