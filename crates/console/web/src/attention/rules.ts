import type { Conversation } from "../api/types";
import { defaultDepartmentOf } from "../store/departments";
import { unreadOf } from "../store/queues";
import type { State } from "../store/state";
import { isSnoozed, isWaiting } from "../store/waiting";
import type { Overdue } from "./overdue";

/** A conversation that needs this staff member. It rings until it is settled. */
export type Alarm = GuestAlarm | OverdueAlarm;

interface AlarmTimes {
  readonly conversationId: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly lastRing: number;
}

interface GuestAlarm extends AlarmTimes {
  readonly kind: "guest_wrote" | "handed_over";
}

/** The guest was not answered in time. */
interface OverdueAlarm extends AlarmTimes {
  readonly kind: "overdue";
  readonly waitingSince: string;
  /** The owner who has not answered in time; null for nobody. */
  readonly owner: number | null;
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

/** Returns the alarms of overdue conversations. They concern the whole department: the owner may have gone home. */
export function overdueAlarms(overdue: Overdue, state: State, now: number): readonly Alarm[] {
  const alarms: Alarm[] = [];
  for (const [id, waitingSince] of overdue) {
    const conversation = state.conversations.get(id);
    if (conversation === undefined || !isResponsible(conversation, state)) continue;
    const alarm: Alarm = { conversationId: id, kind: "overdue", since: now, lastRing: 0, waitingSince, owner: conversation.assigned_to?.id ?? null };
    if (!isAnswered(alarm, conversation)) alarms.push(alarm);
  }
  return alarms;
}

/** Returns the new alarm of a conversation that has one already. An overdue one stays until it is settled. */
export function joinAlarms(known: Alarm | undefined, alarm: Alarm): Alarm {
  if (known === undefined) return alarm;
  if (known.kind === "overdue" && alarm.kind !== "overdue") return { ...known, lastRing: alarm.lastRing };
  return { ...alarm, since: known.since };
}

/**
 * Returns whether a conversation is mine, or unassigned in my department, or unrouted with my department as the
 * default.
 */
export function concerns(conversation: Conversation, state: State): boolean {
  if (conversation.assigned_to === null) return isResponsible(conversation, state);
  return conversation.status !== "closed" && isMine(conversation, state);
}

/** Returns whether a conversation is mine or belongs to my department, whoever is its owner. */
function isResponsible(conversation: Conversation, state: State): boolean {
  if (conversation.status === "closed") return false;
  const { hotel, departments } = state.directory;
  const department = conversation.department_id ?? defaultDepartmentOf(hotel, departments);
  return isMine(conversation, state) || state.me.departments.some(({ id }) => id === department);
}

/**
 * Returns whether an alarm ends: the conversation was taken, answered, snoozed, closed or routed away, or is mine and
 * read. Reading does not end an overdue one.
 */
export function isSettled(alarm: Alarm, state: State): boolean {
  const conversation = state.conversations.get(alarm.conversationId);
  if (conversation === undefined || isSnoozed(conversation)) return true;
  if (alarm.kind === "overdue") return !isResponsible(conversation, state) || isAnswered(alarm, conversation) || isTaken(alarm, conversation);
  if (!concerns(conversation, state)) return true;
  const isRead = isMine(conversation, state) && unreadOf(conversation) === 0;
  if (alarm.kind === "handed_over") return isRead && alarm.lastRing > 0;
  return isRead || conversation.last_message?.sender_type !== "guest" || conversation.waiting_since === null;
}

/** Returns the volume of an alarm, 0 to 1: full volume after two minutes in the person's night hours. */
export function loudness(alarm: Alarm, now: number, volume: number, isNight: boolean): number {
  return isNight && now - alarm.since >= LOUD_AFTER ? 1 : volume / 100;
}

/** The guest no longer waits, or waits again since a later message. */
function isAnswered({ waitingSince }: OverdueAlarm, conversation: Conversation): boolean {
  return !isWaiting(conversation) || Date.parse(conversation.waiting_since ?? "") !== Date.parse(waitingSince);
}

function isTaken({ owner }: OverdueAlarm, { assigned_to: present }: Conversation): boolean {
  return present !== null && present.id !== owner;
}

function alarmOf(
  known: Conversation | undefined,
  conversation: Conversation,
  before: State,
  after: State,
): GuestAlarm["kind"] | null {
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
