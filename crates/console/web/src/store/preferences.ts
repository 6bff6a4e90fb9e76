import type { Settings } from "../api/types";

/** The person's settings that this console knows; those of other clients stay in `State.settings`. */
export interface Preferences {
  /** Enter sends; else Ctrl Enter. */
  readonly enterSends: boolean;
  readonly sounds: boolean;
  /** In percent. */
  readonly volume: number;
  /** Times of day in the hotel's zone, `["22:00","06:00"]`: alarms get louder. */
  readonly nightHours: readonly [string, string] | null;
  readonly notifications: boolean;
  readonly language: string | null;
}

const TIME_OF_DAY = /^([01]\d|2[0-3]):[0-5]\d$/;

export function preferencesOf(settings: Settings): Preferences {
  const { enter_sends, sounds, volume, night_hours, notifications, language } = settings;
  return {
    enterSends: enter_sends !== false,
    sounds: sounds !== false,
    volume: typeof volume === "number" ? Math.min(100, Math.max(0, volume)) : 60,
    nightHours: spanOf(night_hours),
    notifications: notifications === true,
    language: typeof language === "string" ? language : null,
  };
}

/** Whether a time of day is within a span that may go over midnight. */
export function isWithin(timeOfDay: string, [from, to]: readonly [string, string]): boolean {
  return from <= to ? timeOfDay >= from && timeOfDay < to : timeOfDay >= from || timeOfDay < to;
}

function spanOf(value: unknown): readonly [string, string] | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [from, to]: unknown[] = value;
  return isTimeOfDay(from) && isTimeOfDay(to) ? [from, to] : null;
}

function isTimeOfDay(value: unknown): value is string {
  return typeof value === "string" && TIME_OF_DAY.test(value);
}
