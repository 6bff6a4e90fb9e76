import type { MessageKey } from "../i18n/i18n";
import type { Stay } from "../api/types";

/** The message that says where a stay is: today's arrivals and departures have words of their own. */
export function stateKeyOf({ status, check_in, check_out }: Stay, today: string): MessageKey {
  if (status === "booked" && check_in === today) return "stays.state.arrives_today";
  if (status === "checked_in" && check_out === today) return "stays.state.leaves_today";
  return `stays.state.${status}`;
}

/** What comes next for a stay; null if it is over. */
export function nextStepOf({ status }: Stay): "check_in" | "check_out" | null {
  if (status === "booked") return "check_in";
  return status === "checked_in" ? "check_out" : null;
}
