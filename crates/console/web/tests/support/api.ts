import type { Server } from "./server";

const signedIn = new Map<string, Promise<Api>>();

/** A staff member's REST client, for calls without the browser. */
export class Api {
  private constructor(
    private readonly base: string,
    readonly token: string,
  ) {}

  /** Signs in once per server and user name, because sign-ins are rate-limited. */
  static signIn(server: Server, username: string): Promise<Api> {
    const key = `${server.direct} ${server.age} ${username}`;
    const known = signedIn.get(key) ?? Api.login(server, username);
    signedIn.set(key, known);
    return known;
  }

  private static async login(server: Server, username: string): Promise<Api> {
    const response = await fetch(`${server.direct}/api/auth/login/`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username, password: server.password }),
    });
    if (!response.ok) throw new Error(`sign-in of ${username}: ${response.status}`);
    const { access } = (await response.json()) as { access: string };
    return new Api(server.direct, access);
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.base}/api/message_manager/${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  get<T>(path: string): Promise<T> {
    return this.call("GET", path);
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.call("PATCH", path, body);
  }

  /** Uploads a file as a message. */
  async upload(path: string, name: string, content: Buffer): Promise<{ readonly id: number }> {
    const form = new FormData();
    form.append("file", new Blob([new Uint8Array(content)]), name);
    const response = await fetch(`${this.base}/api/message_manager/${path}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${this.token}` },
      body: form,
    });
    if (!response.ok) throw new Error(`upload ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as { id: number };
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.call("POST", path, body);
  }
}

export interface Written {
  readonly message_id: number;
  readonly conversation_id: number;
}

/** Sends a WhatsApp message as a guest of the demo. */
export async function guestWrites(server: Server, phone: string, text: string, name?: string): Promise<Written> {
  const response = await fetch(`${server.direct}/api/demo/guest_message/`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ phone, text, name }),
  });
  if (!response.ok) throw new Error(`guest_message: ${response.status} ${await response.text()}`);
  return (await response.json()) as Written;
}
