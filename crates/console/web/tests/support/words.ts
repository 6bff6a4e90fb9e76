import { readFileSync } from "node:fs";

export type Language = "en" | "de" | "es" | "ar";

/** Returns the text of a message key such as `thread.more`, which must have no placeholders. */
export function word(language: Language, key: string): string {
  const [area] = key.split(".");
  const file = new URL(`../../src/i18n/${language}/${area}.json`, import.meta.url);
  const text = (JSON.parse(readFileSync(file, "utf8")) as Record<string, string>)[key];
  if (text === undefined) throw new Error(`${key} is missing in ${language}`);
  return text;
}

/** Returns a pattern for the text of a message key, with any text at its placeholders. */
export function words(language: Language, key: string): RegExp {
  const parts = word(language, key).split(/\{\w+\}/);
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`, "u");
}
