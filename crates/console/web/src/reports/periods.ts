/** Periods of a report, as days `2026-11-30` of the hotel's calendar. Pure: today is an argument. */

export interface Period {
  readonly from: string;
  readonly to: string;
}

export const PRESETS = ["week", "days30", "month", "last_month", "year"] as const;
export type Preset = (typeof PRESETS)[number];

/** The longest period that the server accepts, in days. */
export const MAX_DAYS = 366;

/** Returns the period of a preset, with today as its last day where it lasts until today. */
export function periodOf(preset: Preset, today: string): Period {
  switch (preset) {
    case "week":
      return { from: addDays(today, -6), to: today };
    case "days30":
      return { from: addDays(today, -29), to: today };
    case "month":
      return { from: `${today.slice(0, 8)}01`, to: today };
    case "last_month": {
      const last = addDays(`${today.slice(0, 8)}01`, -1);
      return { from: `${last.slice(0, 8)}01`, to: last };
    }
    case "year":
      return { from: addDays(today, -364), to: today };
  }
}

/** Returns the preset that has this period, or null. */
export function presetOf(period: Period, today: string): Preset | null {
  return PRESETS.find((preset) => isSame(periodOf(preset, today), period)) ?? null;
}

/** Whether a text is an existing day, `2026-11-30`. */
export function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`)) && addDays(text, 0) === text;
}

export function isSame(one: Period, other: Period): boolean {
  return one.from === other.from && one.to === other.to;
}

function addDays(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
}
