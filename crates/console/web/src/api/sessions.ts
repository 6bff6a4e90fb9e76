import { API, request } from "./http";
import { newKey } from "./key";
import type { StaffSession } from "./types";

interface StaffSessions {
  results: StaffSession[];
}

/** Returns the caller's own sessions, last used first. */
export async function listOwnSessions(): Promise<StaffSession[]> {
  return (await request<StaffSessions>("GET", "/api/auth/sessions/")).results;
}

export function endOwnSession(id: number): Promise<void> {
  return request("DELETE", `/api/auth/sessions/${id}/`);
}

/** Returns the sessions of another staff member. For managers. */
export async function listSessionsOf(staffId: number): Promise<StaffSession[]> {
  return (await request<StaffSessions>("GET", `${API}staff/${staffId}/sessions/`)).results;
}

export function endSessionOf(staffId: number, id: number): Promise<void> {
  return request("DELETE", `${API}staff/${staffId}/sessions/${id}/`, { key: newKey() });
}

export function endAllSessionsOf(staffId: number): Promise<void> {
  return request("DELETE", `${API}staff/${staffId}/sessions/`, { key: newKey() });
}
