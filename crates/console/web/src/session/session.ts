import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

import { clearAccess } from "../api/access";
import { listenToAuth, login, logout, refresh, type SignedIn } from "../api/auth";
import { changePassword as putPassword } from "../api/password";
import { ApiError } from "../api/problem";
import type { Me } from "../api/types";
import { broadcast, listenToTabs } from "../tabs/channel";

/**
 * ```
 * checking ──cookie──▶ signed_in ──401, 4401──▶ expired ──same person──▶ signed_in
 *     │                   ▲  │
 *     └──▶ signed_out ────┘  └──signOut, here or in another tab──▶ signed_out
 * ```
 * `must_change_password` stands between a sign-in and `signed_in`.
 */
export type SessionState =
  | { readonly phase: "checking" }
  /** `blocked`: why the cookie could not be tried; the form shows the sentence. */
  | { readonly phase: "signed_out"; readonly blocked: "unreachable" | "bad_origin" | null }
  /** `byCookie`: nobody typed a password since the page was loaded; the page asks "Not you?". */
  | { readonly phase: "signed_in"; readonly me: Me; readonly byCookie: boolean }
  /** The page stays; a dialog over it asks for the password. */
  | { readonly phase: "expired"; readonly me: Me }
  /** `passwordKnown`: the present password was just typed; else the form asks for it too. */
  | { readonly phase: "must_change_password"; readonly me: Me; readonly passwordKnown: boolean };

export const session = createStore<SessionState>(() => ({ phase: "checking" }));

export function useSession(): SessionState {
  return useStore(session);
}

/** In milliseconds: signing out does not wait longer for what is saved before. */
const SAVING = 2_000;
/** In milliseconds. */
const COOKIE_AGAIN = 4_000;

let saveBefore: () => Promise<void> = () => Promise.resolve();

/** What is saved on the server while the session still lives. */
export function beforeSignOut(save: () => Promise<void>): void {
  saveBefore = save;
}

/** Between the sign-in and the change of the password that it demands. */
let typedPassword: string | null = null;

/** Tries the cookie; called once by main. */
export async function startSession(): Promise<void> {
  listenToAuth({
    // Any refresh may find another person: a colleague signed in on this browser meanwhile.
    refreshed: (signedIn) => enter(signedIn, currentPerson() === null || isByCookie()),
    over: expire,
    mustChangePassword: demandPassword,
  });
  listenToTabs((message) => {
    if (message.type === "signed_out") leave();
    if (message.type === "signed_in") void followOtherTab(message.staffId);
  });
  globalThis.addEventListener("online", retryCookie);
  // A page from the back/forward cache may belong to somebody who has signed out since.
  globalThis.addEventListener("pageshow", (event) => {
    if (event.persisted) void tryCookie();
  });
  await tryCookie();
}

/** Throws `ApiError` (401 `bad_credentials`, 429 with `retryAfter`, 403 `bad_origin`) or `NetworkError`. */
export async function signIn(username: string, password: string): Promise<void> {
  const signedIn = await login(username, password);
  typedPassword = signedIn.must_change_password === true ? password : null;
  enter(signedIn, false);
  broadcast({ type: "signed_in", staffId: signedIn.staff.id });
  void checkOrigin();
}

/**
 * A sign-in works from any address, its cookie only from the server's own: better to say so now than at the first
 * refresh, with a guest waiting.
 */
async function checkOrigin(): Promise<void> {
  try {
    await refresh();
  } catch (error) {
    if (blockedBy(error) !== "bad_origin") return;
    clearAccess();
    session.setState({ phase: "signed_out", blocked: "bad_origin" }, true);
  }
}

/** Signs out in all tabs. Ask first if `unsentCount()` of the offline queue is not 0. */
export async function signOut(): Promise<void> {
  await Promise.race([saveBefore(), new Promise((resolve) => setTimeout(resolve, SAVING))]);
  try {
    await logout();
  } catch (error) {
    // Already over: that is what was wanted. Without connection the cookie would sign in again.
    if (!(error instanceof ApiError) || error.problem.status !== 401) throw error;
  }
  broadcast({ type: "signed_out" });
  leave();
}

/** Without `current` the password typed at sign-in is taken. Throws `ApiError` 400 with `errors.new_password`. */
export async function changePassword(next: string, current?: string): Promise<void> {
  await putPassword(current ?? typedPassword ?? "", next);
  typedPassword = null;
  const state = session.getState();
  if (state.phase === "must_change_password") session.setState({ phase: "signed_in", me: state.me, byCookie: false }, true);
}

/** The session is over, says the server or the socket: a dialog over the page asks for the password. */
export function expire(): void {
  clearAccess();
  const me = currentPerson();
  session.setState(me === null ? { phase: "signed_out", blocked: null } : { phase: "expired", me }, true);
}

/** The person whose page this is, also while the session is over. */
function currentPerson(): Me | null {
  const state = session.getState();
  return "me" in state ? state.me : null;
}

function isByCookie(): boolean {
  const state = session.getState();
  return state.phase === "signed_in" && state.byCookie;
}

function enter(signedIn: SignedIn, byCookie: boolean): void {
  const state = session.getState();
  if (signedIn.must_change_password === true) {
    session.setState({ phase: "must_change_password", me: signedIn.staff, passwordKnown: typedPassword !== null }, true);
    return;
  }
  const isSame = state.phase === "signed_in" && JSON.stringify(state.me) === JSON.stringify(signedIn.staff);
  if (isSame && state.byCookie === byCookie) return;
  session.setState({ phase: "signed_in", me: isSame ? state.me : signedIn.staff, byCookie }, true);
}

function leave(): void {
  clearAccess();
  typedPassword = null;
  session.setState({ phase: "signed_out", blocked: null }, true);
}

function demandPassword(): void {
  const me = currentPerson();
  if (me === null || session.getState().phase === "must_change_password") return;
  session.setState({ phase: "must_change_password", me, passwordKnown: typedPassword !== null }, true);
}

async function tryCookie(): Promise<void> {
  try {
    await refresh();
  } catch (error) {
    if (currentPerson() !== null) return;
    const blocked = blockedBy(error);
    session.setState({ phase: "signed_out", blocked }, true);
    // A server that is starting again: the cookie is as good as before.
    if (blocked === "unreachable") setTimeout(retryCookie, COOKIE_AGAIN);
  }
}

function retryCookie(): void {
  const state = session.getState();
  if (state.phase === "signed_out" && state.blocked === "unreachable") void tryCookie();
}

/** Another tab has signed in: its cookie is this tab's too. */
async function followOtherTab(staffId: number): Promise<void> {
  const state = session.getState();
  if (state.phase === "signed_in" && state.me.id === staffId) return;
  clearAccess();
  await tryCookie();
}

function blockedBy(error: unknown): "unreachable" | "bad_origin" | null {
  if (!(error instanceof ApiError)) return "unreachable";
  if (error.problem.code === "bad_origin") return "bad_origin";
  return error.problem.status === 401 ? null : "unreachable";
}
