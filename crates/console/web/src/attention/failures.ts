import type { Conversation } from "../api/types";
import type { State } from "../store/state";

/** Returns the conversations in which the number of `failed` and `unknown` messages has grown. */
export function newlyFailed(before: State, after: State): readonly number[] {
  if (before.cursor === null || before.conversations === after.conversations) return [];
  const grown: number[] = [];
  for (const [id, conversation] of after.conversations) {
    const known = before.conversations.get(id);
    if (known !== undefined && failedOf(conversation) > failedOf(known)) grown.push(id);
  }
  return grown;
}

function failedOf({ unsent }: Conversation): number {
  return unsent.failed + unsent.unknown;
}
