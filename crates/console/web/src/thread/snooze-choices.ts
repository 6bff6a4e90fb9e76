import { dayOf } from "../ui/time";
import { addDays, instantAt, timeOfDayAt } from "../ui/zoned-time";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MAX_DAYS = 90;
const MORNING = "08:00";
/** Before this time of day "tomorrow" is not what a night receptionist means by the morning. */
const NIGHT_ENDS = "06:00";
const EVENINGS = ["18:00", "21:00"];
/** The evening is offered only if it begins at least this much later. */
const EVENING_AWAY = HOUR / 2;

export interface SnoozeChoice {
  readonly name: "hour" | "morning" | "evening" | "tomorrow";
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Returns the ends of a snooze to choose from, soonest first. Times of day are the hotel's. */
export function snoozeChoices(now: number, zone: string): readonly SnoozeChoice[] {
  const today = dayOf(now, zone);
  const evening = EVENINGS.map((time) => instantAt(today, time, zone)).find((at) => at >= now + EVENING_AWAY);
  const choices: SnoozeChoice[] = [
    { name: "hour", until: Math.floor((now + HOUR) / MINUTE) * MINUTE },
    { name: "tomorrow", until: instantAt(addDays(today, 1), MORNING, zone) },
  ];
  if (evening !== undefined) choices.push({ name: "evening", until: evening });
  if (timeOfDayAt(now, zone) < NIGHT_ENDS) choices.push({ name: "morning", until: instantAt(today, MORNING, zone) });
  return choices.toSorted((a, b) => a.until - b.until);
}

export type ChosenTime = { readonly until: number } | { readonly problem: "missing" | "past" | "too_far" };

/** Returns the instant of a chosen day and time of day, or why it cannot be the end of a snooze. */
export function chosenTime(day: string, time: string, now: number, zone: string): ChosenTime {
  if (day === "" || time === "") return { problem: "missing" };
  const until = instantAt(day, time, zone);
  if (until <= now) return { problem: "past" };
  return until > now + MAX_DAYS * 24 * HOUR ? { problem: "too_far" } : { until };
}
