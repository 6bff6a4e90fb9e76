import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";

import { Api, guestWrites, type Written } from "./api";
import { Person, startBrowser } from "./browser";
import { Server, type ServerOptions } from "./server";

/** A guest whose conversation is routed to a department. */
export interface Guest {
  readonly id: number;
  readonly name: string;
  write(text: string): Promise<Written>;
}

export interface MessageOfApi {
  readonly id: number;
  readonly content: string;
  readonly sender_type: "guest" | "staff" | "system";
  readonly delivery: string | null;
  /** The reason why the message was not delivered. */
  readonly failure: string | null;
}

/** One server and one browser, shared by the stories of a file. */
export class Stage {
  private browser: Browser | undefined;
  private started: Server | undefined;
  private people: Person[] = [];
  private faults: string[] = [];
  private guests = 0;

  constructor(options: ServerOptions = {}) {
    beforeAll(async () => {
      this.started = await Server.start(options);
      this.browser = await startBrowser();
    });
    // A story that failed between `kill` and `restart` must not fail the following ones.
    beforeEach(async () => await this.server.ensureRunning());
    afterEach(async () => {
      this.faults.push(...this.people.flatMap(({ faults }) => faults));
      await Promise.all(this.people.map((person) => person.leave()));
      this.people = [];
    });
    afterAll(async () => {
      await this.browser?.close();
      await this.started?.stop();
      expect(this.faults, "errors of the console, violations of the policy, requests to other origins").toEqual([]);
    });
  }

  get server(): Server {
    if (this.started === undefined) throw new Error("the server is started before the first story");
    return this.started;
  }

  /** Returns a person with a new browser context, without any page of the console. */
  async arrive(options?: BrowserContextOptions): Promise<Person> {
    if (this.browser === undefined) throw new Error("the browser is started before the first story");
    return this.include(await Person.arrive(this.browser, this.server, options));
  }

  include(person: Person): Person {
    this.people.push(person);
    return person;
  }

  /** Returns a person with a new browser context, signed in. */
  async desk(username: string, options?: BrowserContextOptions): Promise<Person> {
    const person = await this.arrive(options);
    await person.signIn(username);
    return person;
  }

  async api(username: string): Promise<Api> {
    return await Api.signIn(this.server, username);
  }

  /** Creates a guest by a first message, and routes the conversation to a department. */
  async guest(name: string, { department = "Reception", phone = this.nextPhone() } = {}): Promise<Guest> {
    const { conversation_id: id } = await guestWrites(this.server, phone, `Good day, this is ${name}.`, name);
    await this.transfer(id, department);
    return { id, name, write: (text) => guestWrites(this.server, phone, text) };
  }

  async transfer(id: number, department: string): Promise<void> {
    const manager = await this.api("manager");
    const { results } = await manager.get<{ results: { id: number; name: string }[] }>("departments/");
    const to = results.find(({ name }) => name === department);
    await manager.post(`conversations/${id}/start_relay/`, { department_id: to?.id });
  }

  async messages(id: number): Promise<MessageOfApi[]> {
    const manager = await this.api("manager");
    return await manager.get<MessageOfApi[]>(`conversations/${id}/messages/?limit=1000&include=notes`);
  }

  async texts(id: number): Promise<string[]> {
    return (await this.messages(id)).map(({ content }) => content);
  }

  private nextPhone(): string {
    this.guests += 1;
    return `+34600111${String(this.guests).padStart(3, "0")}`;
  }
}
