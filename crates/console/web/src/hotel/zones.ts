import type { Option } from "../ui/Select";

/** Returns all time zones of the browser, and the hotel's current one. */
export function timeZones(current: string): readonly Option[] {
  const names = new Set([...Intl.supportedValuesOf("timeZone"), "UTC", current]);
  return [...names].toSorted().map((name) => ({ id: name, name: name.replaceAll("_", " ") }));
}

/** CLDR region codes that are not countries. */
const NO_COUNTRIES = new Set(["EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"]);
const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** Returns the countries with their names in a language. */
export function countries(locale: string): readonly Option[] {
  const names = new Intl.DisplayNames(locale, { type: "region", fallback: "none" });
  const order = new Intl.Collator(locale);
  return LETTERS.flatMap((first) => LETTERS.map((second) => first + second))
    .flatMap((id) => {
      const name = names.of(id);
      return name === undefined || NO_COUNTRIES.has(id) || !isCurrent(id) ? [] : [{ id, name }];
    })
    .toSorted((a, b) => order.compare(a.name, b.name));
}

/** Returns `false` for deprecated codes, such as DD and UK, which CLDR maps to others. */
function isCurrent(code: string): boolean {
  return new Intl.Locale(`und-${code}`).region === code;
}
