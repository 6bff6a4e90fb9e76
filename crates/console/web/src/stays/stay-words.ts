import type { MessageKey } from "../i18n/i18n";
import type { Stay } from "../api/types";

/** The message that says where a stay is: today's arrivals and departures have words of their own. */
export function stateKeyOf({ status, check_in, check_out }: Stay, today: string): MessageKey {
  if (status === "booked" && check_in === today) return "stays.state.arrives_today";
  if (status === "checked_in" && check_out === today) return "stays.state.leaves_today";
  return `stays.state.${status}`;
}

/** A change of the state of a stay. */
export type StayStep = "check_in" | "check_out" | "cancel" | "no_show" | "reinstate";

/** What comes next for a stay; null if it is over. */
export function nextStepOf({ status }: Stay): StayStep | null {
  if (status === "booked") return "check_in";
  return status === "checked_in" ? "check_out" : null;
}

/** What else may happen to a stay. A guest cannot fail to come before the first day. */
export function otherStepsOf({ status, check_in }: Stay, today: string): readonly StayStep[] {
  if (status === "cancelled" || status === "no_show") return ["reinstate"];
  if (status !== "booked") return [];
  return check_in <= today ? ["no_show", "cancel"] : ["cancel"];
}

/** The code of the booking; with its part, if there are several. */
export function codeOf({ reservation_code, part }: Stay): string {
  return part === 1 ? reservation_code : `${reservation_code} · ${part}`;
}
