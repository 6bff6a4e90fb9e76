import type { Problem } from "./types";

/** The server answered with a problem; `problem.detail` is a sentence for a person. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.status} ${problem.code}`);
    this.name = "ApiError";
    this.problem = problem;
  }
}

/** No answer came: no connection, or it was cut. Whether the server has done its part is not known. */
export class NetworkError extends Error {
  constructor(cause?: unknown) {
    super("no answer", { cause });
    this.name = "NetworkError";
  }
}

/** The code of a problem, or `network`, or `unknown` for a fault of this program. */
export function codeOf(error: unknown): string {
  if (error instanceof ApiError) return error.problem.code;
  return error instanceof NetworkError ? "network" : "unknown";
}

/** Reads the problem of a response that is not a success, whatever a proxy on the way made of it. */
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
