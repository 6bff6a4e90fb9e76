import { daysBetween } from "../ui/time";

/** The state of a stay on a day of the hotel's calendar. */
export type StayState =
  | { readonly kind: "arrives"; readonly days: number }
  | { readonly kind: "arrives_today" | "leaves_today" | "left" }
  | { readonly kind: "in_house"; readonly day: number; readonly days: number };

export function stateOfStay(checkIn: string, checkOut: string, today: string): StayState {
  const toArrival = daysBetween(today, checkIn);
  if (toArrival > 0) return { kind: "arrives", days: toArrival };
  const toDeparture = daysBetween(today, checkOut);
  if (toDeparture < 0) return { kind: "left" };
  if (toDeparture === 0) return { kind: "leaves_today" };
  if (toArrival === 0) return { kind: "arrives_today" };
  return { kind: "in_house", day: 1 - toArrival, days: daysBetween(checkIn, checkOut) };
}
