import { clearAccess } from "./api/access";
import { refresh } from "./api/auth";
import { codeOf } from "./api/problem";
import type { Me } from "./api/types";
import { startAttention, stopAttention } from "./attention/attention";
import { flushDrafts, forgetSavedDrafts, keepAsDraft, noteDraftCleared, startDrafts, stopDrafts } from "./drafts/drafts";
import { asLanguage, setLanguage } from "./i18n/language";
import { startSync, stopSync, whenLive, whenSessionIsOver } from "./live/sync";
import type { QueuedMessage } from "./offline-queue/entry";
import { flushQueue, startQueue, stopQueue } from "./offline-queue/queue";
import { beforeReload } from "./reload";
import { beforeSignOut, expire, session, type SessionState } from "./session/session";
import { placePath } from "./store/place";
import { queueOf } from "./store/queues";
import { preferencesOf } from "./store/preferences";
import { dispatch, store } from "./store/store";
import { appearanceOf, applyAppearance } from "./ui/appearance";
import { loadNewVersionWhenIdle } from "./update";

/** Id of the staff member whose data is in memory. */
let person: number | null = null;
let isFollowing = false;

/**
 * Starts and stops live data, drafts, queue and alarms with the session. Called once, before the first screen is
 * rendered.
 */
export function startFollowing(): void {
  if (isFollowing) return;
  isFollowing = true;
  whenSessionIsOver(() => void askForSession());
  whenLive(() => {
    flushQueue();
    void flushDrafts();
  });
  beforeSignOut(flushDrafts);
  beforeReload(flushDrafts);
  store.subscribe((state, before) => {
    if (state.settings !== before.settings && state.me.id !== 0) showSettings();
  });
  session.subscribe(follow);
  follow(session.getState());
  loadNewVersionWhenIdle();
}

function follow(state: SessionState): void {
  switch (state.phase) {
    case "signed_in":
      if (person !== state.me.id) enter(state.me);
      else if (store.getState().me !== state.me) startSync(state.me);
      break;
    case "expired":
    case "must_change_password":
      // The page and the typed text stay; only the live connection stops.
      stopSync();
      break;
    case "signed_out":
      leave();
      break;
    case "checking":
  }
}

function enter(me: Me): void {
  leave();
  person = me.id;
  startSync(me);
  void startDrafts(me.id);
  void startQueue(me.id, { onStored: noteStored, onGone: keepText });
  startAttention(me.id, openConversation);
}

function leave(): void {
  if (person === null) return;
  person = null;
  void forgetSavedDrafts();
  stopAttention();
  stopQueue();
  stopDrafts();
  stopSync();
  dispatch({ type: "person", me: null });
}

/** After close code 4401: refreshes the session, because another tab may have signed in again since. */
async function askForSession(): Promise<void> {
  clearAccess();
  try {
    const { staff } = await refresh();
    startSync(staff);
  } catch (error) {
    if (codeOf(error) === "network") expire();
  }
}

function noteStored(entry: QueuedMessage): void {
  if (entry.clears_draft) noteDraftCleared(entry.conversation_id);
}

function keepText({ conversation_id, content }: QueuedMessage): void {
  if (content.kind === "text" || content.kind === "note") keepAsDraft(conversation_id, content.text, content.kind === "note");
}

function openConversation(id: number): void {
  const { conversations, me } = store.getState();
  const conversation = conversations.get(id);
  if (conversation === undefined) return;
  // The router listens to history changes.
  history.pushState(null, "", placePath({ queue: queueOf(conversation, me), department: null }, id));
}

function showSettings(): void {
  const { settings } = store.getState();
  applyAppearance(appearanceOf(settings));
  const language = asLanguage(preferencesOf(settings).language);
  if (language !== null) void setLanguage(language);
}
