import { ApiError, NetworkError, readProblem } from "./problem";
import type { Demo } from "./types";

/** Returns the sign-ins of the demo; null if the server has no demo. Needs no session. */
export async function demoSignIns(): Promise<Demo | null> {
  return call<Demo>("GET", "/api/demo/");
}

/** Starts or stops the simulated guests, who write from time to time. */
export async function playDemo(playing: boolean): Promise<Demo | null> {
  return call<Demo>("PATCH", "/api/demo/", { playing });
}

export interface PlayedGuestMessage {
  message_id: number;
  conversation_id: number;
  stay_id: number | null;
  hotel_id: number;
}

/** Sends a message as a simulated guest. Returns null if the server has no demo. */
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
