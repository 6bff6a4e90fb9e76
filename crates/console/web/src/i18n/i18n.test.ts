import { readdirSync, readFileSync } from "node:fs";

import { parse, TYPE, type MessageFormatElement } from "@formatjs/icu-messageformat-parser";
import { describe, expect, it } from "vitest";

import ar from "./ar";
import arScreens from "./ar-screens";
import de from "./de";
import deScreens from "./de-screens";
import enCore from "./en";
import enScreens from "./en-screens";
import es from "./es";
import esScreens from "./es-screens";

const en = { ...enCore, ...enScreens };
/** The code that is only in the chunks of screens beside the inbox. */
const SCREENS = ["hotel/", "me/", "records/", "reports/", "search/", "stays/"];

describe.each([
  ["de", { ...de, ...deScreens }],
  ["es", { ...es, ...esScreens }],
  ["ar", { ...ar, ...arScreens }],
])("the messages of %s", (language, messages) => {
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

it("of screens are used only by screens, which wait for them", () => {
  const areas = new Set(Object.keys(enScreens).map((key) => key.split(".")[0]));
  const source = new URL("..", import.meta.url).pathname;
  const paths = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((path) => /\.tsx?$/.test(path) && !path.endsWith(".test.ts"));
  for (const path of paths) {
    if (SCREENS.some((screen) => path.startsWith(screen))) continue;
    const used = [...readFileSync(`${source}${path}`, "utf8").matchAll(/["`]([a-z]+)\.[a-z_.$]/g)].map(([, area]) => area);
    expect([path, used.filter((area) => areas.has(area))]).toEqual([path, []]);
  }
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
