import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { request } from "../api/http";
import { codeOf } from "../api/problem";
import type { Me } from "../api/types";
import { MARIA } from "../testing/data";
import { changePassword, session, signIn, signOut, startSession } from "./session";

const TOM: Me = { ...MARIA, id: 8, username: "tom", name: "Tom" };

/** A fake server for `/api/auth/`, and for one call that requires a valid token. */
class FakeServer {
  /** The staff member of the session cookie. */
  cookie: Me | null = null;
  token = "t0";
  refreshes = 0;
  mustChange = false;
  isForeign = false;
  isDown = false;

  readonly fetch = async (path: string, init: RequestInit): Promise<Response> => {
    await Promise.resolve();
    if (this.isDown) throw new TypeError("Failed to fetch");
    const token = new Headers(init.headers).get("Authorization");
    switch (path) {
      case "/api/auth/login/":
        return this.login(JSON.parse(String(init.body)) as { username: string; password: string });
      case "/api/auth/refresh/":
        this.refreshes += 1;
        if (this.isForeign) return problem(403, "bad_origin");
        return this.cookie === null ? problem(401, "unauthenticated") : this.enter(this.cookie);
      case "/api/auth/logout/":
        this.cookie = null;
        this.token = "none";
        return new Response(null, { status: 204 });
      case "/api/auth/password/":
        this.mustChange = false;
        return new Response(null, { status: 204 });
      default:
        return token === `Bearer ${this.token}` ? Response.json({ ok: true }) : problem(401, "unauthenticated");
    }
  };

  private login({ username, password }: { username: string; password: string }): Response {
    const person = [MARIA, TOM].find((each) => each.username === username);
    return person === undefined || password !== "right" ? problem(401, "bad_credentials") : this.enter(person);
  }

  private enter(person: Me): Response {
    this.cookie = person;
    this.token = `${person.username}${this.refreshes}`;
    return Response.json({ access: this.token, expires_in: 900, staff: person, must_change_password: this.mustChange });
  }
}

function problem(status: number, code: string): Response {
  return Response.json({ status, code, detail: code }, { status });
}

let server: FakeServer;

/** Signs Maria in and waits until the origin check after the sign-in has ended. */
async function enter(): Promise<void> {
  await startSession();
  await signIn("maria", "right");
  await new Promise((resolve) => setTimeout(resolve, 5));
}

beforeEach(() => {
  server = new FakeServer();
  vi.stubGlobal("fetch", server.fetch);
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("BroadcastChannel", undefined);
  session.setState({ phase: "checking" }, true);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the session", () => {
  it("continues with the cookie after a reload", async () => {
    server.cookie = MARIA;
    await startSession();
    expect(session.getState()).toMatchObject({ phase: "signed_in", byCookie: true, me: { id: MARIA.id } });
  });

  it("records why the cookie was not usable", async () => {
    await startSession();
    expect(session.getState()).toEqual({ phase: "signed_out", blocked: null });
    server.isDown = true;
    session.setState({ phase: "checking" }, true);
    await startSession();
    expect(session.getState()).toEqual({ phase: "signed_out", blocked: "unreachable" });
  });

  it("retries the cookie when the server is reachable again", async () => {
    vi.useFakeTimers();
    server.cookie = MARIA;
    server.isDown = true;
    await startSession();
    server.isDown = false;
    await vi.advanceTimersByTimeAsync(4_001);
    expect(session.getState()).toMatchObject({ phase: "signed_in", byCookie: true });
    vi.useRealTimers();
  });

  it("starts with the right password; a wrong one is an error for the form", async () => {
    await startSession();
    await expect(signIn("maria", "wrong")).rejects.toSatisfy((error) => codeOf(error) === "bad_credentials");
    expect(session.getState().phase).toBe("signed_out");
    await signIn("maria", "right");
    expect(session.getState()).toMatchObject({ phase: "signed_in", byCookie: false });
  });

  it("does not start on an origin that is not the server's own", async () => {
    await startSession();
    server.isForeign = true;
    await signIn("maria", "right");
    await vi.waitFor(() => expect(session.getState()).toEqual({ phase: "signed_out", blocked: "bad_origin" }));
  });

  it("refreshes the token once for several 401 responses, and retries the calls", async () => {
    await enter();
    server.token = "another";
    server.refreshes = 0;
    await Promise.all([request("GET", "/a"), request("GET", "/b"), request("GET", "/c")]);
    expect(server.refreshes).toBe(1);
    expect(session.getState()).toMatchObject({ phase: "signed_in", byCookie: false });
  });

  it("keeps its staff member when it is revoked, and continues after the password", async () => {
    await enter();
    server.token = "revoked";
    server.cookie = null;
    await expect(request("GET", "/a")).rejects.toSatisfy((error) => codeOf(error) === "unauthenticated");
    expect(session.getState()).toMatchObject({ phase: "expired", me: { id: MARIA.id } });
    await signIn("maria", "right");
    expect(session.getState()).toMatchObject({ phase: "signed_in", me: { id: MARIA.id } });
  });

  it("can continue with another staff member after it was revoked", async () => {
    await enter();
    server.token = "revoked";
    server.cookie = null;
    await expect(request("GET", "/a")).rejects.toThrow();
    await signIn("tom", "right");
    expect(session.getState()).toMatchObject({ phase: "signed_in", me: { id: TOM.id } });
  });

  it("requires a new password first if the server demands it", async () => {
    await startSession();
    server.mustChange = true;
    await signIn("maria", "right");
    expect(session.getState()).toMatchObject({ phase: "must_change_password", passwordKnown: true });
    await changePassword("a much longer one");
    expect(session.getState().phase).toBe("signed_in");
  });

  it("ends with the sign-out, and later calls fail", async () => {
    await enter();
    await signOut();
    expect(session.getState()).toEqual({ phase: "signed_out", blocked: null });
    await expect(request("GET", "/a")).rejects.toThrow();
  });
});
