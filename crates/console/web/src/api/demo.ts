import { ApiError, NetworkError, readProblem } from "./problem";
import type { Demo } from "./types";

/** The sign-ins of the demo; null if the server is no demo. Works without a sign-in. */
export async function demoSignIns(): Promise<Demo | null> {
  return call<Demo>("GET", "/api/demo/");
}

/** Lets played guests write now and then, or stops them. */
export async function playDemo(playing: boolean): Promise<Demo | null> {
  return call<Demo>("PATCH", "/api/demo/", { playing });
}

export interface PlayedGuestMessage {
  message_id: number;
  conversation_id: number;
  stay_id: number | null;
  hotel_id: number;
}

/** Writes as a guest; null if the server is no demo. */
export async function playGuest(phone: string, text: string, name?: string): Promise<PlayedGuestMessage | null> {
  return call<PlayedGuestMessage>("POST", "/api/demo/guest_message/", { phone, text, ...(name ? { name } : {}) });
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T | null> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      cache: "no-store",
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new NetworkError(error);
  }
  if (response.status === 404) return null;
  if (!response.ok) throw new ApiError(await readProblem(response));
  return (await response.json()) as T;
}
