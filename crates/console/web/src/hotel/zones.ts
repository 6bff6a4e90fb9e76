import type { Option } from "../ui/Select";

/** All time zones of the browser, and the present one of the hotel. */
export function timeZones(current: string): readonly Option[] {
  const names = new Set([...Intl.supportedValuesOf("timeZone"), "UTC", current]);
  return [...names].toSorted().map((name) => ({ id: name, name: name.replaceAll("_", " ") }));
}

/** Codes of CLDR that are no countries. */
const NO_COUNTRIES = new Set(["EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"]);
const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** The countries by their names in a language. */
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

/** Old codes, such as DD and UK, stand for others. */
function isCurrent(code: string): boolean {
  return new Intl.Locale(`und-${code}`).region === code;
}
