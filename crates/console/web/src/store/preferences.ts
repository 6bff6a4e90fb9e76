import type { Settings } from "../api/types";

/** The staff member's settings that the console reads. Settings of other clients stay in `State.settings`. */
export interface Preferences {
  /** If true, Enter sends; otherwise Ctrl Enter. */
  readonly enterSends: boolean;
  readonly sounds: boolean;
  /** 0 to 100 percent. */
  readonly volume: number;
  /** Start and end in the hotel's time zone, `["22:00","06:00"]`. In this span repeated alarms get louder. */
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

/** Returns whether a time of day lies in a span, which can cross midnight. */
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
