import { dayOf } from "../ui/time";
import { addDays, instantAt, timeOfDayAt } from "../ui/zoned-time";

/** The end of the night if the hotel has no quiet hours. */
const USUAL_MORNING = "08:00";
const HOUR = 3_600_000;
/** The server accepts times within the next 30 days. */
const LONGEST_AHEAD = 30 * 24 * HOUR;

/** Returns the next time at which the hotel's clock shows the end of its quiet hours. */
export function nextMorning(quietHours: readonly string[] | null | undefined, now: number, zone: string): number {
  const morning = quietHours?.[1] ?? USUAL_MORNING;
  const day = dayOf(now, zone);
  const today = instantAt(day, morning, zone);
  return today > now ? today : instantAt(addDays(day, 1), morning, zone);
}

export function inAnHour(now: number): number {
  return now + HOUR;
}

/** The first and the last time that can be chosen, as the hotel's clock shows them. */
export function timeRange(now: number, zone: string): { readonly min: string; readonly max: string } {
  return { min: wallClock(now, zone), max: wallClock(now + LONGEST_AHEAD - 60_000, zone) };
}

/** Returns what the hotel's clock shows at a time, as `<input type="datetime-local">` writes it: `2026-11-30T18:02`. */
export function wallClock(at: number, zone: string): string {
  return `${dayOf(at, zone)}T${timeOfDayAt(at, zone)}`;
}

/** Returns the time at which the hotel's clock shows this; NaN if `wall` is no time. */
export function atWallClock(wall: string, zone: string): number {
  const [day = "", time = ""] = wall.split("T");
  return Number.isNaN(Date.parse(wall)) ? Number.NaN : instantAt(day, time.slice(0, 5), zone);
}
