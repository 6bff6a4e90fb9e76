import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

import { clearAccess } from "../api/access";
import { listenToAuth, login, logout, refresh, type SignedIn } from "../api/auth";
import { changePassword as putPassword } from "../api/password";
import { ApiError } from "../api/problem";
import type { Me } from "../api/types";
import { broadcast, listenToTabs } from "../tabs/channel";

/**
 * State of the session.
 *
 * ```
 * checking ──refresh by cookie──▶ signed_in ──401, close code 4401──▶ expired ──sign-in──▶ signed_in
 * checking ──no cookie, unreachable──▶ signed_out ──sign-in, in this or another tab──▶ signed_in
 * signed_in, expired ──sign-out, in this or another tab──▶ signed_out
 * any ──password change required──▶ must_change_password ──new password──▶ signed_in
 * ```
 */
export type SessionState =
  | { readonly phase: "checking" }
  /** `blocked`: the reason why the cookie was not usable, which the form shows. */
  | { readonly phase: "signed_out"; readonly blocked: "unreachable" | "bad_origin" | null }
  /** `byCookie`: no password was typed since the page was loaded, so the page asks "Not you?". */
  | { readonly phase: "signed_in"; readonly me: Me; readonly byCookie: boolean }
  /** The page stays, and a dialog over it asks for the password. */
  | { readonly phase: "expired"; readonly me: Me }
  /** `passwordKnown`: the current password was just typed; otherwise the form asks for it too. */
  | { readonly phase: "must_change_password"; readonly me: Me; readonly passwordKnown: boolean };

export const session = createStore<SessionState>(() => ({ phase: "checking" }));

export function useSession(): SessionState {
  return useStore(session);
}

/** Maximum time in milliseconds that a sign-out waits for `saveBefore`. */
const SAVING = 2_000;
/** Interval in milliseconds between attempts with the cookie while the server is unreachable. */
const COOKIE_AGAIN = 4_000;

let saveBefore: () => Promise<void> = () => Promise.resolve();

/** Sets the function that saves data on the server before a sign-out, while the session is still valid. */
export function beforeSignOut(save: () => Promise<void>): void {
  saveBefore = save;
}

/** Kept from the sign-in until the password change that the server demands. */
let typedPassword: string | null = null;

/** Starts the session from the cookie. Called once by main. */
export async function startSession(): Promise<void> {
  listenToAuth({
    // A refresh can return another staff member, if a colleague has signed in on this browser meanwhile.
    refreshed: (signedIn) => enter(signedIn, currentPerson() === null || isByCookie()),
    over: expire,
    mustChangePassword: demandPassword,
  });
  listenToTabs((message) => {
    if (message.type === "signed_out") leave();
    if (message.type === "signed_in") void followOtherTab(message.staffId);
  });
  globalThis.addEventListener("online", retryCookie);
  // A page from the back/forward cache may belong to a staff member who has signed out since.
  globalThis.addEventListener("pageshow", (event) => {
    if (event.persisted) void tryCookie();
  });
  await tryCookie();
}

/** Signs in. Throws `ApiError` (401 `bad_credentials`, 429 with `retryAfter`, 403 `bad_origin`) or `NetworkError`. */
export async function signIn(username: string, password: string, remember = true): Promise<void> {
  const signedIn = await login(username, password, remember);
  typedPassword = signedIn.must_change_password === true ? password : null;
  enter(signedIn, false);
  broadcast({ type: "signed_in", staffId: signedIn.staff.id });
  void checkOrigin();
}

/**
 * Refreshes once after a sign-in. A sign-in works from any origin, but its cookie only from the server's own: the error
 * should appear now, not at the first refresh with a guest waiting.
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

/** Signs out in all tabs. Ask the person first if `unsentCount()` of the offline queue is not 0. */
export async function signOut(): Promise<void> {
  await Promise.race([saveBefore(), new Promise((resolve) => setTimeout(resolve, SAVING))]);
  try {
    await logout();
  } catch (error) {
    // On 401 the session is already over. On other errors the cookie would still be valid, so the sign-out fails.
    if (!(error instanceof ApiError) || error.problem.status !== 401) throw error;
  }
  broadcast({ type: "signed_out" });
  leave();
}

/** Without `current`, the password typed at the sign-in is used. Throws `ApiError` 400 with `errors.new_password`. */
export async function changePassword(next: string, current?: string): Promise<void> {
  await putPassword(current ?? typedPassword ?? "", next);
  typedPassword = null;
  const state = session.getState();
  if (state.phase === "must_change_password") session.setState({ phase: "signed_in", me: state.me, byCookie: false }, true);
}

/** The server or the socket reports the end of the session: a dialog over the page asks for the password. */
export function expire(): void {
  clearAccess();
  const me = currentPerson();
  session.setState(me === null ? { phase: "signed_out", blocked: null } : { phase: "expired", me }, true);
}

/** Returns the staff member of the page, also while the session is over. */
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
    // The server may be restarting; the cookie is still valid.
    if (blocked === "unreachable") setTimeout(retryCookie, COOKIE_AGAIN);
  }
}

function retryCookie(): void {
  const state = session.getState();
  if (state.phase === "signed_out" && state.blocked === "unreachable") void tryCookie();
}

/** Another tab has signed in, and this tab shares its cookie. */
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
