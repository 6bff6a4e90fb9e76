import type { Conversation, LastMessage, Me } from "../api/types";
import type { Translate } from "../i18n/i18n";
import { unreadOf } from "../store/queues";
import { minutesSince } from "../ui/time";

/** Waiting time in minutes up to which it is shown as minutes; then the time of day is shown. */
const MAX_MINUTES = 60;

/** Returns the author of a message, "You:", "Maria:" or "Assistant:"; null for the guest. */
export function authorOf(message: LastMessage, me: Me, t: Translate): string | null {
  switch (message.sender_type) {
    case "guest":
      return null;
    case "system":
      return t("inbox.row.assistant");
    case "staff":
      if (message.sender_name === me.name) return t("inbox.row.you");
      return t("inbox.row.by", { name: message.sender_name.split(" ")[0] ?? message.sender_name });
  }
}

/** Returns the minutes that the guest has waited; null if no guest waits, or for an hour or more. */
export function waitingMinutes(conversation: Conversation, now: number): number | null {
  if (conversation.waiting_since === null) return null;
  const minutes = minutesSince(conversation.waiting_since, now);
  return minutes < MAX_MINUTES ? minutes : null;
}

/** Returns the accessible name of a row: "Room 2037, Ana Rossi, waiting 12 minutes, 2 unread". */
export function nameRow(conversation: Conversation, time: string | null, now: number, hasDraft: boolean, t: Translate): string {
  const { room_number: room, guest_name: guest, assigned_to: owner, unsent, labels } = conversation;
  const minutes = waitingMinutes(conversation, now);
  const unread = unreadOf(conversation);
  const parts = [
    room === null ? t("inbox.row.no_room") : t("inbox.row.room", { room }),
    guest,
    conversation.waiting_since === null
      ? time
      : minutes === null
        ? time && t("inbox.row.waiting", { time })
        : t("inbox.row.waiting_minutes", { minutes }),
    unread > 0 ? t("inbox.row.unread", { count: unread }) : null,
    hasDraft ? t("inbox.row.draft") : null,
    unsent.failed > 0 ? t("inbox.row.failed") : null,
    unsent.unknown > 0 ? t("inbox.row.unknown") : null,
    unsent.held > 0 ? t("inbox.row.held") : null,
    owner && t("inbox.row.owner", { name: owner.name }),
    labels.length > 0 ? t("inbox.row.labels", { names: labels.map(({ name }) => name).join(", ") }) : null,
  ];
  return parts.filter(Boolean).join(", ");
}
