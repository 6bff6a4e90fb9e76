import type { Browser } from "playwright-core";

import { Person } from "../../tests/support/browser";
import type { BusyHotel } from "../hotel";
import { installClock, markOf } from "../page-clock";

/** Simulated time in milliseconds between the form and its submission, in which the console is preloaded. */
const TYPING = 3_000;
/** 1.6 Mbit/s in bytes. */
const BYTES_PER_SECOND = 200_000;

export interface Line {
  /** Slowdown factor of the processor. */
  readonly processor: number;
  readonly network: { readonly latency: number; readonly bytesPerSecond: number } | null;
}

export const SLOW_TELEPHONE: Line = { processor: 4, network: { latency: 150, bytesPerSecond: BYTES_PER_SECOND } };
export const DESK: Line = { processor: 1, network: null };

/** Times of a start of the console in seconds. */
export interface Start {
  /** From the start of the navigation to the sign-in form. */
  readonly form: number;
  /** From the submission of the form to the first rows, and until the socket is live. */
  readonly rows: number;
  readonly live: number;
  /** From a reload to the first rows. */
  readonly reload: number;
}

/** Measures a start of the console with an empty cache, the sign-in, and a reload. */
export async function measureStart(browser: Browser, hotel: BusyHotel, line: Line): Promise<Start> {
  const isTelephone = line.network !== null;
  const person = await Person.arrive(browser, hotel.server, isTelephone ? { viewport: { width: 390, height: 844 }, hasTouch: true } : {});
  const { page } = person;
  await installClock(person.context);
  await slowDown(person, line);
  const place = `${hotel.server.base}/inbox/with_us`;
  await page.goto(place, { waitUntil: "commit" });
  const form = await markOf(page, "form");
  await page.waitForTimeout(TYPING);
  await person.fillSignIn(hotel.username, hotel.server.password);
  const [rows, live, submit] = [await markOf(page, "rows"), await markOf(page, "live"), await markOf(page, "submit")];
  await page.reload({ waitUntil: "commit" });
  const reload = await markOf(page, "rows");
  await person.leave();
  return { form: form / 1_000, rows: (rows - submit) / 1_000, live: (live - submit) / 1_000, reload: reload / 1_000 };
}

async function slowDown({ context, page }: Person, { processor, network }: Line): Promise<void> {
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: processor });
  if (network === null) return;
  const { latency, bytesPerSecond } = network;
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency,
    downloadThroughput: bytesPerSecond,
    uploadThroughput: bytesPerSecond,
  });
}
