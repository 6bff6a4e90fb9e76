import type { Me, SocketEvent } from "../api/types";
import { dispatch, store } from "../store/store";
import { Follower } from "./follower";
import { PresenceReporter } from "./presence";
import { isAttentive, Reading } from "./reading";
import { noteServerVersion } from "./version";

interface Running {
  readonly follower: Follower;
  readonly presence: PresenceReporter;
  readonly reading: Reading;
  readonly end: () => void;
}

let running: Running | null = null;
/** Threads on screen, also while nothing runs: the page stays while the session is over. */
const shown = new Set<number>();
const eventListeners = new Set<(event: SocketEvent) => void>();
const liveListeners = new Set<() => void>();
let onSessionOver: () => void = () => {};

/** Called when the socket says that the session is over; set by main. */
export function whenSessionIsOver(handle: () => void): void {
  onSessionOver = handle;
}

/** Hears each event after it was applied, for data that the store does not keep. Returns the function that ends it. */
export function listenToEvents(handle: (event: SocketEvent) => void): () => void {
  eventListeners.add(handle);
  return () => eventListeners.delete(handle);
}

/** Runs after each replay. Returns the function that ends it. */
export function whenLive(handle: () => void): () => void {
  liveListeners.add(handle);
  return () => liveListeners.delete(handle);
}

/** Follows the hotel for this person: snapshot, socket, resume, and again after each loss. */
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

/** Tries socket and snapshot at once, for a button. */
export function reconnect(): void {
  running?.follower.wake();
}

/** Shows a thread: subscribes, fetches the newest 200 messages, and says that this person views it. */
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

/** After a jump, long reading or a failure: the end of the thread again. */
export async function loadNewest(conversationId: number): Promise<void> {
  await running?.follower.threads.fetchNewest(conversationId);
}

/** Shows the messages around one, for a quote or a hit of the search. */
export async function loadAround(conversationId: number, messageId: number): Promise<void> {
  await running?.follower.threads.fetchAround(conversationId, messageId);
}

/** Fetches a thread that will probably be opened: after 100 ms under the pointer. */
export function prefetch(conversationId: number): void {
  running?.follower.threads.prefetch(conversationId);
}

/** Call on each change of the box; sent at most every 3 s. */
export function sendTyping(conversationId: number): void {
  running?.presence.typing(conversationId);
}

/** Whether the end of the open thread is on screen; with a visible, focused tab it is then marked as read. */
export function setEndInView(conversationId: number, inView: boolean): void {
  running?.reading.setEndInView(conversationId, inView);
}

export function setViewing(conversationId: number, viewing: boolean): void {
  running?.presence.setViewing(conversationId, viewing);
}

export function markRead(conversationId: number, messageId: number): void {
  running?.reading.mark(conversationId, messageId);
}

/** The open thread is not marked as read again until its end comes into view anew. */
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
  // A socket that another tab has replaced comes back when this tab is used.
  globalThis.addEventListener("pointerdown", () => wakeReplaced(follower), { signal });
  globalThis.addEventListener("keydown", () => wakeReplaced(follower), { signal });
  const unsubscribe = store.subscribe((state, before) => {
    if (isAttentive() && (state.threads !== before.threads || state.conversations !== before.conversations)) look();
  });
  return () => {
    abort.abort();
    unsubscribe();
  };
}

/** What comes now is new to the reader. */
function turnAway(): void {
  for (const id of shown) dispatch({ type: "thread_left", id });
}

function wakeReplaced(follower: Follower): void {
  const { connection } = store.getState();
  if (connection.phase === "offline" && connection.reason === "replaced") follower.wake();
}
