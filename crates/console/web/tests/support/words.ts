import { readFileSync } from "node:fs";

export type Language = "en" | "de" | "es" | "ar";

/** The text of a key, as `thread.more`, without places. */
export function word(language: Language, key: string): string {
  const [area] = key.split(".");
  const file = new URL(`../../src/i18n/${language}/${area}.json`, import.meta.url);
  const text = (JSON.parse(readFileSync(file, "utf8")) as Record<string, string>)[key];
  if (text === undefined) throw new Error(`${key} is missing in ${language}`);
  return text;
}
