/** The access token: in memory only, so that nothing of it is left behind on a shared computer. */
interface Access {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A token is replaced this long before its end. */
const MARGIN = 60_000;

let current: Access | null = null;

export function setAccess(token: string, secondsToLive: number): void {
  current = { token, expiresAt: Date.now() + secondsToLive * 1000 };
}

export function clearAccess(): void {
  current = null;
}

/** The token, unless it ends within a minute. */
export function freshToken(): string | null {
  return current !== null && current.expiresAt - MARGIN > Date.now() ? current.token : null;
}
