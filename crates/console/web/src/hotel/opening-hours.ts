import type { OpeningHours } from "../api/types";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof DAYS)[number];

/**
 * Start and end as times of day, `["08:00","22:00"]`; empty while not chosen. An end that is not later is on the next
 * day: `["00:00","00:00"]` is the whole day, which the API writes with 24:00.
 */
export type Span = readonly [string, string];
export type Week = Readonly<Record<Day, readonly Span[]>>;

const USUAL: readonly Span[] = [["08:00", "22:00"]];
const DAY_LENGTH = 24 * 60;
const MIDNIGHT = "00:00";
const END_OF_DAY = "24:00";

/** Returns the hours of each day; the usual ones for a department that was always open. */
export function weekOf(hours: OpeningHours | null): Week {
  return eachDay((day) => (hours === null ? USUAL : (hours[day] ?? []).map(toSpan)));
}

function toSpan([from = "", to = ""]: readonly string[]): Span {
  return [from, to === END_OF_DAY ? MIDNIGHT : to];
}

/** Returns the hours as the API takes them: without the days on which the department is closed. */
export function hoursOf(week: Week): OpeningHours {
  const open = DAYS.filter((day) => week[day].length > 0);
  return Object.fromEntries(open.map((day) => [day, week[day].toSorted(([a], [b]) => a.localeCompare(b)).map(([from, to]) => [from, isWholeDay([from, to]) ? END_OF_DAY : to])]));
}

export function setDay(week: Week, day: Day, spans: readonly Span[]): Week {
  return { ...week, [day]: spans };
}

export function copyToAll(week: Week, day: Day): Week {
  return eachDay(() => week[day]);
}


export function isWholeDay([from, to]: Span): boolean {
  return from === MIDNIGHT && to === MIDNIGHT;
}

export function endsNextDay([from, to]: Span): boolean {
  return from !== "" && to !== "" && to <= from;
}

export interface HoursProblem {
  readonly day: Day;
  readonly kind: "missing" | "equal" | "overlap";
}

/** Returns the first reason why the hours cannot be saved; spans over midnight reach into the next day. */
export function problemOf(week: Week): HoursProblem | null {
  for (const day of DAYS) {
    if (week[day].some(([from, to]) => from === "" || to === "")) return { day, kind: "missing" };
    if (week[day].some((span) => span[0] === span[1] && !isWholeDay(span))) return { day, kind: "equal" };
  }
  const day = DAYS.find((each) => overlaps(week, each));
  return day === undefined ? null : { day, kind: "overlap" };
}

/** Returns whether a span of the day overlaps another of the day, or reaches into one of the next day. */
function overlaps(week: Week, day: Day): boolean {
  const next = DAYS[(DAYS.indexOf(day) + 1) % DAYS.length] ?? day;
  const own = week[day].map(minutesOf).toSorted(([a], [b]) => a - b);
  const later = week[next].map(minutesOf).map(([from, to]) => [from + DAY_LENGTH, to + DAY_LENGTH] as const);
  return own.some(([from, to], index) => [...own.slice(index + 1), ...later].some(([start, end]) => start < to && from < end));
}

function minutesOf(span: Span): readonly [number, number] {
  const [from, to] = span.map((time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5)));
  return [from ?? 0, (to ?? 0) + (endsNextDay(span) ? DAY_LENGTH : 0)];
}

function eachDay(spansOf: (day: Day) => readonly Span[]): Week {
  return {
    mon: spansOf("mon"),
    tue: spansOf("tue"),
    wed: spansOf("wed"),
    thu: spansOf("thu"),
    fri: spansOf("fri"),
    sat: spansOf("sat"),
    sun: spansOf("sun"),
  };
}
