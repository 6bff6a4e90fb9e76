import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";

import { Api, guestWrites } from "../tests/support/api";
import { runFolder } from "../tests/support/run";
import { BINARY, Server } from "../tests/support/server";

const SIZES = { hotels: 1, departments: 4, staff: 10, stays: 2_000, messages: 200 };
const PASSWORD = "a-password-for-the-bench";
/** Maximum number of concurrent requests. */
const PARALLEL = 8;

interface GeneratedHotel {
  readonly departments: readonly { readonly id: number }[];
  readonly staff: readonly { readonly username: string }[];
  readonly stays: readonly { readonly conversation_id: number; readonly guest_phone: string; readonly status: string }[];
}

/** A running server with a hotel of 2,000 open conversations with 200 messages each, all routed to a department. */
export class BusyHotel {
  private constructor(
    readonly server: Server,
    readonly manager: Api,
    readonly username: string,
    private readonly phones: readonly string[],
  ) {}

  static async open(): Promise<BusyHotel> {
    const folder = mkdtempSync(join(runFolder(), "hotel-"));
    const words = Object.entries(SIZES).flatMap(([name, size]) => [`--${name}`, `${size}`]);
    const environment = { PATH: process.env["PATH"], DATA_DIR: folder };
    const options = { cwd: folder, env: environment, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 } as const;
    execFileSync(BINARY, ["migrate"], options);
    const output = execFileSync(BINARY, ["generate", ...words, "--password", PASSWORD], options);
    const [hotel] = (JSON.parse(output) as { hotels: GeneratedHotel[] }).hotels;
    if (hotel?.staff[0] === undefined) throw new Error("the hotel has no manager");
    const { username } = hotel.staff[0];
    const server = await Server.start({ folder, password: PASSWORD });
    const manager = await Api.signIn(server, username);
    await transferAll(manager, hotel);
    return new BusyHotel(server, manager, username, hotel.stays.map(({ guest_phone }) => guest_phone));
  }

  /** Sends guest messages at a rate. Returns the function that stops and waits for the last requests. */
  letGuestsWrite(perSecond: number, textOf: (number: number) => string): () => Promise<void> {
    const writing: Promise<unknown>[] = [];
    const timer = setInterval(() => {
      const number = writing.length;
      // 7 has no common divisor with 2,000, so every guest writes once before the first one writes again.
      const phone = this.phones[(number * 7) % this.phones.length] ?? "";
      writing.push(guestWrites(this.server, phone, textOf(number)));
    }, 1_000 / perSecond);
    return async () => {
      clearInterval(timer);
      await Promise.all(writing);
    };
  }
}

/** Transfers all unrouted conversations to a department, so that one queue contains all conversations. */
async function transferAll(manager: Api, hotel: GeneratedHotel): Promise<void> {
  const left = hotel.stays.filter(({ status }) => status !== "relay");
  const [department] = hotel.departments;
  const transfer = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      await manager.post(`conversations/${next.conversation_id}/start_relay/`, { department_id: department?.id });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, transfer));
}
