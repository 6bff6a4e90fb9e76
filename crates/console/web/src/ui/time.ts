/** Formats times in the hotel's time zone. Pure: the current time is an argument. */

export interface TimeFormat {
  readonly locale: string;
  /** IANA name of the hotel's time zone. */
  readonly zone: string;
}

/** Formats a time of day, "18:02". */
export function formatTime(at: string, { locale, zone }: TimeFormat): string {
  return formatter(locale, { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

/** Formats date and time in full, "Sunday 30 November 2026, 18:02", for tooltips. */
export function formatFull(at: string, { locale, zone }: TimeFormat): string {
  return formatter(locale, { timeZone: zone, dateStyle: "full", timeStyle: "short" }).format(new Date(at));
}

/** Formats a date, "30 Nov 2026". */
export function formatDate(at: string, { locale, zone }: TimeFormat): string {
  return formatter(locale, { timeZone: zone, dateStyle: "medium" }).format(new Date(at));
}

/** Returns the hotel's calendar day of a time, `2026-11-30`. */
export function dayOf(at: string | number, zone: string): string {
  return formatter("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(new Date(at));
}

export type DayName =
  | { readonly kind: "today" | "yesterday" }
  | { readonly kind: "date"; readonly text: string };

/** Returns the name of a day for a day line: today, yesterday, the weekday of the last six days, otherwise the date. */
export function nameDay(day: string, now: number, { locale, zone }: TimeFormat): DayName {
  const age = daysBetween(day, dayOf(now, zone));
  if (age === 0) return { kind: "today" };
  if (age === 1) return { kind: "yesterday" };
  if (age > 1 && age < 7) return { kind: "date", text: formatDay(day, locale, { weekday: "long" }) };
  const year = day.slice(0, 4) === dayOf(now, zone).slice(0, 4) ? undefined : "numeric";
  return {
    kind: "date",
    text: formatDay(day, locale, { weekday: "short", day: "numeric", month: "long", ...(year && { year }) }),
  };
}

/** Formats a day, "28 Nov". */
export function formatShortDay(day: string, locale: string): string {
  return formatDay(day, locale, { day: "numeric", month: "short" });
}

/** Formats a day with its weekday, "Sat 28 Nov 2026". */
export function formatReportDay(day: string, locale: string): string {
  return formatDay(day, locale, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
}

/** Formats the time of a list row: the time of day if it is today, otherwise the short date. */
export function formatRowTime(at: string, now: number, format: TimeFormat): string {
  const day = dayOf(at, format.zone);
  return day === dayOf(now, format.zone) ? formatTime(at, format) : formatShortDay(day, format.locale);
}

/** Formats a time within about a week: "18:30" today, else "Tue, 08:00"; further away "12 Dec, 08:00". */
export function formatSoon(at: string, now: number, format: TimeFormat): string {
  const days = Math.abs(daysBetween(dayOf(now, format.zone), dayOf(at, format.zone)));
  if (days === 0) return formatTime(at, format);
  const day = days < 7 ? ({ weekday: "short" } as const) : ({ day: "numeric", month: "short" } as const);
  return formatter(format.locale, { timeZone: format.zone, ...day, hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

/** Returns the whole minutes since a time, at least 0. */
export function minutesSince(at: string, now: number): number {
  return Math.max(0, Math.floor((now - Date.parse(at)) / 60_000));
}

/** Returns the number of days from one `YYYY-MM-DD` to another. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
}

function formatDay(day: string, locale: string, options: Intl.DateTimeFormatOptions): string {
  return formatter(locale, { timeZone: "UTC", ...options }).format(new Date(`${day}T12:00:00Z`));
}

/** Cache, because constructing a formatter takes longer than a hundred uses of it. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let found = formatters.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(locale, options);
    formatters.set(key, found);
  }
  return found;
}
