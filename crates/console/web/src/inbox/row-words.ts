import type { Conversation, LastMessage, Me } from "../api/types";
import type { Translate } from "../i18n/i18n";
import { unreadOf } from "../store/queues";
import { minutesSince } from "../ui/time";

/** Minutes are shown for this long; then the time of day says more. */
const MAX_MINUTES = 60;

/** "You:", "Maria:", "Assistant:"; nothing for the guest. */
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

/** Minutes that the guest has waited; null if nobody waits, or for longer than an hour. */
export function waitingMinutes(conversation: Conversation, now: number): number | null {
  if (conversation.waiting_since === null) return null;
  const minutes = minutesSince(conversation.waiting_since, now);
  return minutes < MAX_MINUTES ? minutes : null;
}

/** The name of a row for assistive technology: "Room 2037, Ana Rossi, waiting 12 minutes, 2 unread". */
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
