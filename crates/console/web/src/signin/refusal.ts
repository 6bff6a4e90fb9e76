import { ApiError, NetworkError } from "../api/problem";

/** The reason why a sign-in failed. */
export type Refusal =
  | { readonly kind: "missing_name" | "missing_password" | "bad_credentials" | "bad_origin" | "unreachable" }
  /** `until`: milliseconds since 1970. */
  | { readonly kind: "rate_limited"; readonly until: number }
  | { readonly kind: "other"; readonly detail: string };

export function refusalOf(error: unknown, now: number): Refusal {
  if (error instanceof NetworkError) return { kind: "unreachable" };
  if (!(error instanceof ApiError)) throw error;
  const { problem } = error;
  if (problem.status === 401) return { kind: "bad_credentials" };
  if (problem.status === 429) return { kind: "rate_limited", until: now + (problem.retryAfter ?? 60) * 1_000 };
  if (problem.code === "bad_origin") return { kind: "bad_origin" };
  if (problem.status >= 502) return { kind: "unreachable" };
  return { kind: "other", detail: problem.detail };
}

/** Returns the field to focus after a failed sign-in. */
export function fieldOf(refusal: Refusal): "name" | "password" {
  return refusal.kind === "missing_name" || refusal.kind === "rate_limited" ? "name" : "password";
}
