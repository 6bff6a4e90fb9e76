import { clearAccess, setAccess } from "./access";
import { ApiError, NetworkError, readProblem } from "./problem";
import type { Me } from "./types";

/** The response of a sign-in and of a refresh. */
export interface SignedIn {
  access: string;
  expires_in: number;
  staff: Me;
  must_change_password?: boolean;
}

/** Receives the results of refreshes; set by the session. */
interface AuthListener {
  refreshed(signedIn: SignedIn): void;
  /** The session is over: revoked, expired, or signed out elsewhere. */
  over(): void;
  mustChangePassword(): void;
}

/** Timeout in milliseconds. Long, because the server may queue sign-ins. */
const TIMEOUT = 20_000;

let listener: AuthListener | null = null;
let refreshing: Promise<SignedIn> | null = null;

export function listenToAuth(next: AuthListener): void {
  listener = next;
}

/** Signs in. `remember` is false on a shared computer: the session is short and ends when the browser is closed. */
export async function login(username: string, password: string, remember: boolean): Promise<SignedIn> {
  return accept(await post("/api/auth/login/", { username, password, remember }));
}

/**
 * Fetches a new access token with the session cookie. Concurrent calls share one request.
 *
 * Throws `ApiError` 401 if the session is over, and 403 `bad_origin` if the origin of the page is not the server's.
 */
export function refresh(): Promise<SignedIn> {
  refreshing ??= (async () => {
    try {
      const signedIn = accept(await post("/api/auth/refresh/", undefined));
      listener?.refreshed(signedIn);
      return signedIn;
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 401) {
        clearAccess();
        listener?.over();
      }
      throw error;
    } finally {
      refreshing = null;
    }
  })();
  return refreshing;
}

/** Call for each response with `password_change_required`; the page then asks for a new password. */
export function reportPasswordChangeRequired(): void {
  listener?.mustChangePassword();
}

export async function logout(): Promise<void> {
  await post("/api/auth/logout/", undefined);
  clearAccess();
}

function accept(body: unknown): SignedIn {
  // The contract defines the shape. With a server that breaks it, no sign-in is possible anyway.
  const signedIn = body as SignedIn;
  setAccess(signedIn.access, signedIn.expires_in);
  return signedIn;
}

async function post(path: string, body: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: "POST",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT),
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new NetworkError(error);
  }
  if (!response.ok) throw new ApiError(await readProblem(response));
  return response.status === 204 ? undefined : response.json();
}
