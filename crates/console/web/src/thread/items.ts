import type { Message } from "../api/types";
import type { Thread } from "../store/state";
import { dayOf } from "../ui/time";

/** An entry of the message list, in the order shown. */
export type ThreadItem =
  | { readonly kind: "day"; readonly key: string; readonly day: string }
  | { readonly kind: "new"; readonly key: string }
  | { readonly kind: "message"; readonly key: string; readonly message: Message; readonly isFollowUp: boolean };

/** Time in milliseconds within which messages of one author form a group, with the author's name only once. */
const GROUP_TIME = 5 * 60_000;

/** Returns the messages of a thread with a line for each day in the hotel's time zone, and the "new" line. */
export function listItems(thread: Thread, zone: string): readonly ThreadItem[] {
  const items: ThreadItem[] = [];
  let before: Message | null = null;
  let beforeDay: string | null = null;
  let hasNewLine = thread.newLineAfter === null;
  for (const id of thread.ids) {
    const message = thread.messages.get(id);
    if (message === undefined) continue;
    const day = dayOf(message.timestamp, zone);
    const isNewDay = day !== beforeDay;
    if (isNewDay) items.push({ kind: "day", key: `day-${day}-${id}`, day });
    const isNew = !hasNewLine && id > (thread.newLineAfter ?? 0);
    if (isNew) {
      items.push({ kind: "new", key: "new" });
      hasNewLine = true;
    }
    const isFollowUp = !isNewDay && !isNew && before !== null && follows(message, before);
    items.push({ kind: "message", key: `${id}`, message, isFollowUp });
    before = message;
    beforeDay = day;
  }
  return items;
}

function follows(message: Message, before: Message): boolean {
  return (
    message.sender_type === before.sender_type &&
    message.sender_id === before.sender_id &&
    message.internal === before.internal &&
    Date.parse(message.timestamp) - Date.parse(before.timestamp) < GROUP_TIME
  );
}
