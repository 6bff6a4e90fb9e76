import { clearAccess, freshToken } from "./access";
import { refresh, reportPasswordChangeRequired } from "./auth";
import { ApiError, NetworkError, readProblem } from "./problem";

/** Every call outside `/api/auth/` and `/api/demo/` is below this path. */
export const API = "/api/message_manager/";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface RequestOptions {
  /** Sent as JSON; a `Blob` is sent unchanged, with its own type. */
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, QueryValue>>;
  /** `Idempotency-Key`: a request repeated with the same key has no second effect. */
  readonly key?: string | undefined;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Request timeout in milliseconds: a broken connection may never report an error. */
const TIMEOUT = 30_000;
const TIMEOUT_PER_BYTE = 1_000 / 65_536;

type QueryValue = string | number | boolean | null | undefined;

/** A body together with the headers of its response. */
export interface Page<T> {
  readonly data: T;
  /** Position in the event log, read before the rows; null if the response has no such headers. */
  readonly cursor: { readonly epoch: string; readonly seq: number } | null;
  /** Whether there are messages before (`prev`) or after (`next`) the page. */
  readonly links: { readonly prev: boolean; readonly next: boolean };
}

/** Calls the API and returns the body. Throws `ApiError` or `NetworkError`. */
export async function request<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
  return readBody<T>(await send(method, path, options));
}

/** Like `request`, but also returns the cursor and the links of the response headers. */
export async function requestPage<T>(method: Method, path: string, options: RequestOptions = {}): Promise<Page<T>> {
  const response = await send(method, path, options);
  const epoch = response.headers.get("X-Event-Epoch");
  const seq = response.headers.get("X-Event-Seq");
  const link = response.headers.get("Link") ?? "";
  return {
    data: await readBody<T>(response),
    cursor: epoch === null || seq === null ? null : { epoch, seq: Number(seq) },
    links: { prev: link.includes('rel="prev"'), next: link.includes('rel="next"') },
  };
}

/** Like `request`, but returns the body as a file. */
export async function requestFile(method: Method, path: string, options: RequestOptions = {}): Promise<Blob> {
  return readBlob(await send(method, path, options));
}

/** Fetches a file and returns a `blob:` URL, which the caller must revoke. */
export async function file(id: number, options: { thumbnail?: boolean; signal?: AbortSignal } = {}): Promise<string> {
  const response = await send("GET", `${API}attachments/${id}/`, {
    accept: "*/*",
    query: options.thumbnail === true ? { thumbnail: 320 } : {},
    signal: options.signal,
  });
  return URL.createObjectURL(await readBlob(response));
}

async function send(method: Method, path: string, options: RequestOptions): Promise<Response> {
  const first = await attempt(method, path, options, freshToken() ?? (await refresh()).access);
  if (first.status !== 401) return check(first);
  clearAccess();
  return check(await attempt(method, path, options, (await refresh()).access));
}

async function attempt(method: Method, path: string, options: RequestOptions, token: string): Promise<Response> {
  const headers = new Headers({ Authorization: `Bearer ${token}`, Accept: options.accept ?? "application/json" });
  if (options.key !== undefined) headers.set("Idempotency-Key", options.key);
  const { body } = options;
  if (body !== undefined) headers.set("Content-Type", body instanceof Blob ? body.type : "application/json");
  try {
    return await fetch(withQuery(path, options.query ?? {}), {
      method,
      headers,
      // API responses must not stay in the cache of a shared computer.
      cache: "no-store",
      signal: withPatience(options),
      ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
    });
  } catch (error) {
    throw new NetworkError(error);
  }
}

function withPatience({ body, signal }: RequestOptions): AbortSignal {
  const size = body instanceof Blob ? body.size : 0;
  const end = AbortSignal.timeout(TIMEOUT + size * TIMEOUT_PER_BYTE);
  return signal === undefined ? end : AbortSignal.any([signal, end]);
}

async function check(response: Response): Promise<Response> {
  if (response.ok) return response;
  const problem = await readProblem(response);
  if (problem.code === "password_change_required") reportPasswordChangeRequired();
  throw new ApiError(problem);
}

async function readBody<T>(response: Response): Promise<T> {
  // A 204 has no body; the type of such calls is `void`.
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw new NetworkError(error);
  }
}

async function readBlob(response: Response): Promise<Blob> {
  try {
    return await response.blob();
  } catch (error) {
    throw new NetworkError(error);
  }
}

function withQuery(path: string, query: Readonly<Record<string, QueryValue>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) given.set(name, String(value));
  }
  return given.size === 0 ? path : `${path}?${given}`;
}
