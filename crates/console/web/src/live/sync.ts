import type { Me, SocketEvent } from "../api/types";
import { dispatch, store } from "../store/store";
import { Follower } from "./follower";
import { PresenceReporter } from "./presence";
import { isAttentive, Reading } from "./reading";
import { endSnoozesInTime } from "./snoozes";
import { noteServerVersion } from "./version";

interface Running {
  readonly follower: Follower;
  readonly presence: PresenceReporter;
  readonly reading: Reading;
  readonly end: () => void;
}

let running: Running | null = null;
/** Threads on screen. Kept while sync is stopped, because the page stays when the session is over. */
const shown = new Set<number>();
const eventListeners = new Set<(event: SocketEvent) => void>();
const liveListeners = new Set<() => void>();
let onSessionOver: () => void = () => {};

/** Sets the handler for the end of the session (close code 4401). */
export function whenSessionIsOver(handle: () => void): void {
  onSessionOver = handle;
}

/**
 * Calls `handle` with each event after it was applied, for data outside the store. Returns the function that
 * unsubscribes.
 */
export function listenToEvents(handle: (event: SocketEvent) => void): () => void {
  eventListeners.add(handle);
  return () => eventListeners.delete(handle);
}

/** Calls `handle` after each replay. Returns the function that unsubscribes. */
export function whenLive(handle: () => void): () => void {
  liveListeners.add(handle);
  return () => liveListeners.delete(handle);
}

/** Starts the live connection of a staff member: snapshot and events, presence, read positions. */
export function startSync(me: Me): void {
  stopSync();
  if (store.getState().me.id !== me.id) dispatch({ type: "person", me });
  else dispatch({ type: "me", me });
  const follower = new Follower({
    onSessionOver: () => onSessionOver(),
    onVersion: noteServerVersion,
    onEvent: (event) => eventListeners.forEach((handle) => handle(event)),
    onLive: () => {
      running?.presence.report();
      running?.reading.sendAgain();
      liveListeners.forEach((handle) => handle());
    },
  });
  const presence = new PresenceReporter(follower.commands);
  const reading = new Reading(follower.commands);
  running = { follower, presence, reading, end: listenToBrowser(follower, presence, reading) };
  follower.start();
  for (const id of shown) show(id);
}

export function stopSync(): void {
  running?.end();
  running?.follower.stop();
  running?.presence.stop();
  running?.reading.stop();
  running = null;
}

/** Reconnects and retries the snapshot at once. Called by retry buttons. */
export function reconnect(): void {
  running?.follower.wake();
}

/** Opens a thread: subscribes, fetches the newest 200 messages and publishes that this staff member views it. */
export function openThread(conversationId: number): void {
  shown.add(conversationId);
  show(conversationId);
}

export function closeThread(conversationId: number): void {
  shown.delete(conversationId);
  setViewing(conversationId, false);
  setEndInView(conversationId, false);
  running?.follower.threads.close(conversationId);
}

export async function loadOlder(conversationId: number): Promise<void> {
  await running?.follower.threads.fetchMore(conversationId, "older");
}

export async function loadNewer(conversationId: number): Promise<void> {
  await running?.follower.threads.fetchMore(conversationId, "newer");
}

/** Fetches the end of the thread again, after a jump, after the message limit has cut it off, or after a failure. */
export async function loadNewest(conversationId: number): Promise<void> {
  await running?.follower.threads.jumpToNewest(conversationId);
}

/** Fetches the messages around a message, for a quote or a search result. */
export async function loadAround(conversationId: number, messageId: number): Promise<void> {
  await running?.follower.threads.fetchAround(conversationId, messageId);
}

/** Prefetches a thread after the pointer has been on its row for 100 ms. */
export function prefetch(conversationId: number): void {
  running?.follower.threads.prefetch(conversationId);
}

/** Publishes the typing signal, at most every 3 s. Call on each change of the box. */
export function sendTyping(conversationId: number): void {
  running?.presence.typing(conversationId);
}

/**
 * Sets whether the end of the thread is in the viewport. If so, and the tab is visible and focused, it is marked as
 * read.
 */
export function setEndInView(conversationId: number, inView: boolean): void {
  running?.reading.setEndInView(conversationId, inView);
}

export function setViewing(conversationId: number, viewing: boolean): void {
  running?.presence.setViewing(conversationId, viewing);
}

export function markRead(conversationId: number, messageId: number): void {
  running?.reading.mark(conversationId, messageId);
}

/** Stops marking the open thread as read until its end comes into the viewport again. */
export function keepUnread(conversationId: number): void {
  running?.reading.keepUnread(conversationId);
}

function show(id: number): void {
  running?.follower.threads.open(id);
  if (document.visibilityState === "visible") setViewing(id, true);
}

function listenToBrowser(follower: Follower, presence: PresenceReporter, reading: Reading): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  const look = () => reading.look();
  document.addEventListener(
    "visibilitychange",
    () => {
      const isVisible = document.visibilityState === "visible";
      for (const id of shown) presence.setViewing(id, isVisible);
      if (isVisible) follower.wake();
      else turnAway();
      look();
    },
    { signal },
  );
  globalThis.addEventListener("focus", look, { signal });
  globalThis.addEventListener("blur", turnAway, { signal });
  globalThis.addEventListener("online", () => follower.wake(), { signal });
  globalThis.addEventListener("offline", () => follower.offline(), { signal });
  globalThis.addEventListener("pageshow", (event) => event.persisted && follower.wake(), { signal });
  // After close code 4409, using this tab reconnects it.
  globalThis.addEventListener("pointerdown", () => wakeReplaced(follower), { signal });
  globalThis.addEventListener("keydown", () => wakeReplaced(follower), { signal });
  const endTimer = endSnoozesInTime();
  const unsubscribe = store.subscribe((state, before) => {
    if (isAttentive() && (state.threads !== before.threads || state.conversations !== before.conversations)) look();
  });
  return () => {
    abort.abort();
    endTimer();
    unsubscribe();
  };
}

/** The reader leaves the tab: later messages stand below the "new" line. */
function turnAway(): void {
  for (const id of shown) dispatch({ type: "thread_left", id });
}

function wakeReplaced(follower: Follower): void {
  const { connection } = store.getState();
  if (connection.phase === "offline" && connection.reason === "replaced") follower.wake();
}
