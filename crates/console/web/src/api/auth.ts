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

/** Told about what refreshing found out; set by the session. */
interface AuthListener {
  refreshed(signedIn: SignedIn): void;
  /** The session is over: revoked, expired, or signed out elsewhere. */
  over(): void;
  mustChangePassword(): void;
}

/** In milliseconds; sign-ins may wait for their turn at the server. */
const PATIENCE = 20_000;

let listener: AuthListener | null = null;
let refreshing: Promise<SignedIn> | null = null;

export function listenToAuth(next: AuthListener): void {
  listener = next;
}

export async function login(username: string, password: string): Promise<SignedIn> {
  return accept(await post("/api/auth/login/", { username, password }));
}

/**
 * Gets a new access token by the cookie; one refresh at a time.
 *
 * Throws `ApiError` 401 if the session is over and 403 `bad_origin` if the page's address is not the server's own.
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

/** Called for any response that says so; the page then asks for a new password. */
export function reportPasswordChangeRequired(): void {
  listener?.mustChangePassword();
}

export async function logout(): Promise<void> {
  await post("/api/auth/logout/", undefined);
  clearAccess();
}

function accept(body: unknown): SignedIn {
  // The shape is the contract's; a server that breaks it cannot be signed in to anyway.
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
      signal: AbortSignal.timeout(PATIENCE),
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new NetworkError(error);
  }
  if (!response.ok) throw new ApiError(await readProblem(response));
  return response.status === 204 ? undefined : response.json();
}
