/** The access token. In memory only, so that a shared computer does not keep it. */
interface Access {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A token is refreshed this many milliseconds before it expires. */
const MARGIN = 60_000;

let current: Access | null = null;

export function setAccess(token: string, secondsToLive: number): void {
  current = { token, expiresAt: Date.now() + secondsToLive * 1000 };
}

export function clearAccess(): void {
  current = null;
}

/** Returns the token, unless it expires within a minute. */
export function freshToken(): string | null {
  return current !== null && current.expiresAt - MARGIN > Date.now() ? current.token : null;
}
