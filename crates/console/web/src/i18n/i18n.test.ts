import { parse, TYPE, type MessageFormatElement } from "@formatjs/icu-messageformat-parser";
import { describe, expect, it } from "vitest";

import ar from "./ar";
import de from "./de";
import en from "./en";
import es from "./es";

describe.each([["de", de], ["es", es], ["ar", ar]])("the messages of %s", (language, messages) => {
  it("have the same keys as English", () => {
    expect(Object.keys(messages).toSorted()).toEqual(Object.keys(en).toSorted());
  });

  it("have the same placeholders as English", () => {
    for (const [key, message] of Object.entries(messages)) {
      expect([key, placesOf(message)]).toEqual([key, placesOf(en[key as keyof typeof en])]);
    }
  });

  it("contain all plural categories of the language", () => {
    const wanted = new Intl.PluralRules(language).resolvedOptions().pluralCategories.filter((name) => name !== "many" || language === "ar");
    for (const [key, message] of Object.entries(messages)) {
      for (const given of pluralsOf(parse(message))) expect([key, wanted.filter((name) => !given.includes(name))]).toEqual([key, []]);
    }
  });
});

function placesOf(message: string): string[] {
  const names = new Set<string>();
  visit(parse(message), (element) => {
    if ("value" in element && element.type !== TYPE.literal) names.add(element.value);
  });
  return [...names].toSorted();
}

function pluralsOf(elements: MessageFormatElement[]): string[][] {
  const found: string[][] = [];
  visit(elements, (element) => {
    if (element.type === TYPE.plural) found.push(Object.keys(element.options));
  });
  return found;
}

function visit(elements: MessageFormatElement[], visitor: (element: MessageFormatElement) => void): void {
  for (const element of elements) {
    visitor(element);
    if (element.type === TYPE.plural || element.type === TYPE.select) {
      for (const option of Object.values(element.options)) visit(option.value, visitor);
    }
    if (element.type === TYPE.tag) visit(element.children, visitor);
  }
}
