/** The parts of a duration in the units that a person reads it in: two at most. */
export type DurationParts =
  | { readonly unit: "seconds"; readonly seconds: number }
  | { readonly unit: "minutes"; readonly minutes: number }
  | { readonly unit: "hours"; readonly hours: number; readonly minutes: number }
  | { readonly unit: "days"; readonly days: number; readonly hours: number };

/** Splits a duration: seconds below a minute and a half, minutes below an hour, then hours, then days. */
export function partsOf(seconds: number): DurationParts {
  if (seconds < 90) return { unit: "seconds", seconds };
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return { unit: "minutes", minutes };
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return { unit: "hours", hours, minutes: minutes % 60 };
  const whole = Math.round(minutes / 60);
  return { unit: "days", days: Math.floor(whole / 24), hours: whole % 24 };
}
