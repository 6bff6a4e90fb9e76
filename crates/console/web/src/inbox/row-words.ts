import type { Conversation, LastMessage, Me } from "../api/types";
import type { Translate } from "../i18n/i18n";
import { unreadOf } from "../store/queues";
import { isSnoozed, type Urgency } from "../store/waiting";
import { formatRowTime, formatSoon, minutesSince, type TimeFormat } from "../ui/time";

const HOUR = 60;
const DAY = 24 * HOUR;

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

/** Returns how long a guest has waited: "12 min", "2 h 5 m", "3 days". */
export function waitingTime(since: string, now: number, t: Translate): string {
  const minutes = minutesSince(since, now);
  if (minutes < HOUR) return t("ui.minutes", { minutes });
  if (minutes < DAY) return t("ui.hours_minutes", { hours: Math.floor(minutes / HOUR), minutes: minutes % HOUR });
  return t("waiting.days", { days: Math.floor(minutes / DAY) });
}

/** Returns the time of a row: how long the guest waits, until when it is snoozed, or the time of the last message. */
export function timeOfRow(conversation: Conversation, urgency: Urgency | null, now: number, t: Translate, format: TimeFormat): string {
  const { waiting_since: since, snoozed_until: until } = conversation;
  if (isSnoozed(conversation) && until !== null) return formatSoon(until, now, format);
  if (urgency !== null && since !== null) return waitingTime(since, now, t);
  return formatRowTime(conversation.last_message?.timestamp ?? conversation.updated_at, now, format);
}

interface RowState {
  /** The time shown in the row. */
  readonly time: string;
  readonly urgency: Urgency | null;
  readonly hasDraft: boolean;
}

/** Returns the accessible name of a row: "Room 2037, Ana Rossi, waiting 12 minutes, 2 unread". */
export function nameRow(conversation: Conversation, { time, urgency, hasDraft }: RowState, now: number, t: Translate, format: TimeFormat): string {
  const { room_number: room, guest_name: guest, assigned_to: owner, unsent, labels } = conversation;
  const unread = unreadOf(conversation);
  const parts = [
    room === null ? t("inbox.row.no_room") : t("inbox.row.room", { room }),
    guest,
    isSnoozed(conversation) ? t("waiting.snoozed", { time }) : urgency === null ? time : waitingWords(conversation.waiting_since ?? "", now, t),
    urgencyWords(conversation, urgency, now, t, format),
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

function waitingWords(since: string, now: number, t: Translate): string {
  const minutes = minutesSince(since, now);
  if (minutes < HOUR) return t("waiting.words_minutes", { minutes });
  if (minutes < DAY) return t("waiting.words_hours", { hours: Math.floor(minutes / HOUR), minutes: minutes % HOUR });
  return t("waiting.words_days", { days: Math.floor(minutes / DAY) });
}

/** Returns in words what amber and red mean: "answer due by 18:20", "overdue since 18:20". */
export function urgencyWords(
  { response_due_at: due }: Conversation,
  urgency: Urgency | null,
  now: number,
  t: Translate,
  format: TimeFormat,
): string | null {
  if (due === null || urgency === null || urgency === "waiting") return null;
  return t(urgency === "overdue" ? "waiting.overdue" : "waiting.due_soon", { time: formatSoon(due, now, format) });
}
