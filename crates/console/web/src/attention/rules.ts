import type { Conversation } from "../api/types";
import { unreadOf } from "../store/queues";
import type { State } from "../store/state";

/** A conversation that needs this staff member. It rings until it is settled. */
export interface Alarm {
  readonly conversationId: number;
  readonly kind: "guest_wrote" | "handed_over";
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly lastRing: number;
}

/**
 * Interval between rings in milliseconds. Checked at each heartbeat of the socket (25 s), because timers of hidden tabs
 * are late.
 */
export const RING_AGAIN = 24_000;
const LOUD_AFTER = 120_000;

/** Returns the alarms for conversations that need this staff member since `before`. */
export function alarmsOf(before: State, after: State, now: number): readonly Alarm[] {
  if (before.cursor === null || before.conversations === after.conversations) return [];
  const alarms: Alarm[] = [];
  for (const [id, conversation] of after.conversations) {
    const known = before.conversations.get(id);
    if (known === conversation) continue;
    const kind = alarmOf(known, conversation, before, after);
    if (kind !== null) alarms.push({ conversationId: id, kind, since: now, lastRing: 0 });
  }
  return alarms;
}

/**
 * Returns whether a conversation is mine, or unassigned in my department, or unrouted with my department as the
 * default.
 */
export function concerns(conversation: Conversation, { me, directory }: State): boolean {
  if (conversation.status === "closed") return false;
  if (conversation.assigned_to !== null) return conversation.assigned_to.id === me.id;
  const department = conversation.department_id ?? directory.hotel.default_department_id;
  return me.departments.some(({ id }) => id === department);
}

/** Returns whether an alarm ends: the conversation was taken, answered, closed or routed away, or is mine and read. */
export function isSettled({ conversationId, kind, lastRing }: Alarm, state: State): boolean {
  const conversation = state.conversations.get(conversationId);
  if (conversation === undefined || !concerns(conversation, state)) return true;
  const isRead = isMine(conversation, state) && unreadOf(conversation) === 0;
  if (kind === "handed_over") return isRead && lastRing > 0;
  return isRead || conversation.last_message?.sender_type !== "guest" || conversation.waiting_since === null;
}

/** Returns the volume of an alarm, 0 to 1: full volume after two minutes in the person's night hours. */
export function loudness(alarm: Alarm, now: number, volume: number, isNight: boolean): number {
  return isNight && now - alarm.since >= LOUD_AFTER ? 1 : volume / 100;
}

function alarmOf(
  known: Conversation | undefined,
  conversation: Conversation,
  before: State,
  after: State,
): Alarm["kind"] | null {
  if (!concerns(conversation, after)) return null;
  const last = conversation.last_message;
  const wroteBefore = known?.guest_messages ?? conversation.read_guest_messages;
  if (conversation.guest_messages > wroteBefore && last?.sender_type === "guest") return "guest_wrote";
  // A reply by this staff member takes the conversation over, which needs no alarm.
  const isOwnDoing = last?.sender_type === "staff" && last.id !== known?.last_message?.id;
  const isRouted = conversation.status === "relay" && !isOwnDoing;
  const concernedBefore = known !== undefined && known.status === "relay" && concerns(known, before);
  const isNewlyMine = isMine(conversation, after) && (known === undefined || !isMine(known, before));
  return isRouted && (!concernedBefore || isNewlyMine) ? "handed_over" : null;
}

function isMine(conversation: Conversation, { me }: State): boolean {
  return conversation.assigned_to?.id === me.id;
}
