import type { Problem } from "./types";

/** The server returned an error. `problem.detail` is a sentence for the staff member. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.status} ${problem.code}`);
    this.name = "ApiError";
    this.problem = problem;
  }
}

/** There was no response: no connection, or it broke. The server may or may not have performed the request. */
export class NetworkError extends Error {
  constructor(cause?: unknown) {
    super("no answer", { cause });
    this.name = "NetworkError";
  }
}

/** Returns the code of an API error, `network`, or `unknown` for a bug in the console. */
export function codeOf(error: unknown): string {
  if (error instanceof ApiError) return error.problem.code;
  return error instanceof NetworkError ? "network" : "unknown";
}

/** Reads the problem of an error response. Also accepts the error pages of proxies, which have another body. */
export async function readProblem(response: Response): Promise<Problem> {
  const base = {
    status: response.status,
    code: "unknown",
    detail: response.statusText,
    requestId: response.headers.get("X-Request-Id"),
    retryAfter: secondsOf(response.headers.get("Retry-After")),
  };
  try {
    const body: unknown = await response.json();
    return isObject(body) ? { ...base, ...body, status: response.status } : base;
  } catch {
    return base;
  }
}

function secondsOf(header: string | null): number | null {
  const seconds = header === null ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
