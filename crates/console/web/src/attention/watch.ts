import { unreadOf } from "../store/queues";
import { isWithin, preferencesOf } from "../store/preferences";
import type { State } from "../store/state";
import { observe, store, type Change } from "../store/store";
import { broadcast, listenToTabs } from "../tabs/channel";
import { holdLock } from "../tabs/locks";
import { closeNotifications, notify, showCount, showTitle } from "./page";
import { addOverdue, NONE_OVERDUE, type Overdue } from "./overdue";
import { alarmsOf, isSettled, joinAlarms, loudness, overdueAlarms, RING_AGAIN, type Alarm } from "./rules";
import { playSound, unlockSound } from "./sound";
import { titleOf, unseenOf } from "./title";

/** Interval of the timer in milliseconds. */
const RING_CHECK_INTERVAL = 2_000;
/** Minimum time between two sounds in milliseconds: several messages or guests at once cause one sound. */
const MIN_SOUND_INTERVAL = 4_000;

export interface WatchParts {
  readonly play: (volume: number) => void;
  readonly openConversation: (conversationId: number) => void;
  readonly isFocused: () => boolean;
}

/** Rings and shows waiting guests for one staff member. Only the tab that holds the Web Lock rings and notifies. */
export class Watch {
  private readonly staffId: number;
  private readonly parts: WatchParts;
  private readonly ends: (() => void)[];
  private readonly alarms = new Map<number, Alarm>();
  /** The state up to which changes have been checked for alarms. */
  private base: State = store.getState();
  /** Conversations found overdue for an answer since `base`. */
  private overdue: Overdue = NONE_OVERDUE;
  private isRinger = false;
  private onScreen: number | null = null;
  private onOtherScreen: number | null = null;
  private screenTitle = "";
  private lastSound = 0;

  constructor(staffId: number, parts: WatchParts) {
    this.staffId = staffId;
    this.parts = parts;
    const timer = setInterval(() => this.ring(), RING_CHECK_INTERVAL);
    this.ends = [
      observe((change) => this.look(change)),
      holdLock(`mm-ring-${staffId}`, () => {
        this.isRinger = true;
      }),
      listenToTabs((message) => {
        if (message.type === "on_screen" && message.staffId === staffId) this.onOtherScreen = message.conversationId;
      }),
      () => clearInterval(timer),
    ];
  }

  stop(): void {
    for (const end of this.ends) end();
    closeNotifications(() => true);
    showCount(0);
    showTitle(this.screenTitle);
  }

  setScreenTitle(title: string): void {
    this.screenTitle = title;
    this.show(store.getState());
  }

  setOnScreen(id: number | null): void {
    this.onScreen = id;
    this.tellTabs();
  }

  /** Publishes the conversation on screen to the other tabs. Call when the tab gets or loses the focus. */
  tellTabs(): void {
    broadcast({ type: "on_screen", staffId: this.staffId, conversationId: this.seen() });
  }

  private look({ before, after, actions }: Change): void {
    this.overdue = addOverdue(this.overdue, actions, Date.now());
    if (before.me.id !== after.me.id || before.cursor === null) this.base = after;
    // The person's own changes cause no alarm. Changes during a replay are checked when it has ended.
    else if (actions.every(({ type }) => type === "conversation_changed")) this.base = { ...this.base, conversations: merged(this.base, before, after) };
    else if (after.connection.phase === "live") this.add(after);
    if (after.conversations !== before.conversations) this.show(after);
    this.ring();
  }

  private add(after: State): void {
    const now = Date.now();
    const alarms = [...alarmsOf(this.base, after, now), ...overdueAlarms(this.overdue, after, now)];
    this.base = after;
    this.overdue = NONE_OVERDUE;
    for (const alarm of alarms) {
      const isSeen = this.isSeen(alarm.conversationId);
      // Seeing a message is enough; an overdue one has to be answered, so it rings once it is out of sight.
      if (isSeen && alarm.kind !== "overdue") continue;
      this.alarms.set(alarm.conversationId, joinAlarms(this.alarms.get(alarm.conversationId), alarm));
      if (!isSeen) this.notify(alarm, after);
    }
  }

  /** Plays one sound for all alarms as soon as one is due, so that several do not ring in turns. */
  private ring(): void {
    const state = store.getState();
    const now = Date.now();
    const open: Alarm[] = [];
    for (const [id, alarm] of this.alarms) {
      if (isSettled(alarm, state)) this.alarms.delete(id);
      else if (!this.isSeen(id)) open.push(alarm);
    }
    const isDue = open.some(({ lastRing }) => now - lastRing >= RING_AGAIN);
    if (!isDue || state.connection.phase !== "live" || now - this.lastSound < MIN_SOUND_INTERVAL) return;
    this.lastSound = now;
    for (const alarm of open) this.alarms.set(alarm.conversationId, { ...alarm, lastRing: now });
    const { sounds, volume } = preferencesOf(state.settings);
    const isNight = isNightIn(state, now);
    if (this.isRinger && sounds) this.parts.play(Math.max(...open.map((alarm) => loudness(alarm, now, volume, isNight))));
  }

  private notify(alarm: Alarm, state: State): void {
    const conversation = state.conversations.get(alarm.conversationId);
    const isWanted = this.isRinger && preferencesOf(state.settings).notifications && !this.parts.isFocused();
    if (!isWanted || conversation === undefined) return;
    const { guest_name, room_number, last_message } = conversation;
    const title = room_number === null ? guest_name : `${room_number} · ${guest_name}`;
    const body = last_message?.content ?? "";
    notify({ conversationId: alarm.conversationId, title, body }, () => this.parts.openConversation(alarm.conversationId));
  }

  private show(state: State): void {
    const unseen = unseenOf(state);
    showTitle(titleOf(unseen, this.screenTitle));
    showCount(unseen.count);
    closeNotifications((id) => {
      const conversation = state.conversations.get(id);
      return conversation === undefined || (unreadOf(conversation) === 0 && this.alarms.get(id)?.kind !== "overdue");
    });
  }

  private isSeen(id: number): boolean {
    return id === this.seen() || id === this.onOtherScreen;
  }

  private seen(): number | null {
    return this.parts.isFocused() ? this.onScreen : null;
  }
}

/** Returns the conversations of `base` with the person's own changes. */
function merged(base: State, before: State, after: State): State["conversations"] {
  const conversations = new Map(base.conversations);
  for (const [id, conversation] of after.conversations) {
    if (before.conversations.get(id) !== conversation) conversations.set(id, conversation);
  }
  return conversations;
}

function isNightIn(state: State, now: number): boolean {
  const { nightHours } = preferencesOf(state.settings);
  if (nightHours === null) return false;
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: state.directory.hotel.timezone, hour: "2-digit", minute: "2-digit" });
  return isWithin(clock.format(now), nightHours);
}

/** Plays the sound, if a gesture has unlocked it. */
export function play(volume: number): void {
  void playSound(volume);
}

export function unlockOnGesture(): void {
  globalThis.addEventListener("pointerdown", unlockSound, { once: true });
  globalThis.addEventListener("keydown", unlockSound, { once: true });
}
