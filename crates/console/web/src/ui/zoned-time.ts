/** Times of day in the hotel's time zone as instants. Pure: days and zones are arguments. */

const MINUTE = 60_000;
const DAY = 86_400_000;

/**
 * Returns the instant of a day (`2026-11-30`) and time of day (`08:00`) in a time zone, in milliseconds since 1970. A time
 * that daylight saving skips counts as the next one that exists; of a repeated one the first is meant.
 */
export function instantAt(day: string, time: string, zone: string): number {
  const asUtc = Date.parse(`${day}T${time}:00Z`);
  // The offsets before and after a possible change of the clocks near that time.
  const offsets = [asUtc - DAY, asUtc + DAY].map((at) => offsetAt(at, zone));
  const exact = offsets.map((offset) => asUtc - offset).filter((at) => offsetAt(at, zone) === asUtc - at);
  if (exact.length > 0) return Math.min(...exact);
  // Skipped: with the offset before the change, the instant shows the same distance after it.
  const before = asUtc - (offsets[0] ?? 0);
  return changeBetween(before - DAY, before, zone);
}

/** Returns the time of day in a time zone, `18:02`. */
export function timeOfDayAt(at: number, zone: string): string {
  return fieldsOf(at, zone).slice(11, 16);
}

/** Returns the calendar day that follows `day` after a number of days. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);
}

/** Returns the first minute after the change of the clocks between two instants. */
function changeBetween(from: number, to: number, zone: string): number {
  let [low, high] = [from, to];
  while (high - low > MINUTE) {
    const middle = Math.floor((low + high) / 2 / MINUTE) * MINUTE;
    if (offsetAt(middle, zone) === offsetAt(from, zone)) low = middle;
    else high = middle;
  }
  return high;
}

/** Returns how far the clocks of a zone are ahead of UTC, in milliseconds. */
function offsetAt(at: number, zone: string): number {
  return Date.parse(`${fieldsOf(at, zone)}Z`) - Math.floor(at / 1000) * 1000;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Returns date and time in a zone as `2026-11-30T18:02:00`. */
function fieldsOf(at: number, zone: string): string {
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    const fields = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
    formatter = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...fields });
    formatters.set(zone, formatter);
  }
  const parts = new Map(formatter.formatToParts(at).map(({ type, value }) => [type, value]));
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? "00";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}`;
}
