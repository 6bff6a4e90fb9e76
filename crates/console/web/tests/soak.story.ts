import type { CDPSession } from "playwright-core";
import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { IS_LONG, letTimePass } from "./support/clock";
import { Stage } from "./support/stage";

/** Simulated minutes: eight hours, or a shorter part that already shows a leak. */
const MINUTES = IS_LONG ? 8 * 60 : 20;
/** Minutes until the first measurement, when all caches are filled. */
const WARM = IS_LONG ? 60 : 8;
const MESSAGES_A_MINUTE = 20;
const CUTS = IS_LONG ? 50 : 5;
const MOST_GROWTH = 20_000_000;
/** Tolerance, because React keeps a few detached nodes until its next render. */
const FEW_NODES = 20;

const stage = new Stage({ line: true });

interface Memory {
  readonly heap: number;
  readonly detached: number;
}

test("42: heap and detached nodes do not grow in hours with many messages and lost connections", async () => {
  const guests = await Promise.all(Array.from({ length: 10 }, (_, index) => stage.guest(`Soak ${index}`)));
  const person = await stage.arrive();
  await letTimePass(person);
  await person.signIn("reception");
  await person.open(guests[0]!.id);
  const inspector = await person.context.newCDPSession(person.page);
  let warm: Memory | null = null;
  let cuts = 0;
  let last = "";

  for (let minute = 0; minute < MINUTES; minute += 1) {
    const isCut = Math.floor(((minute + 1) * CUTS) / MINUTES) > cuts;
    if (isCut) stage.server.line.cutSockets();
    for (let index = 0; index < MESSAGES_A_MINUTE; index += guests.length) {
      last = `Minute ${minute}, message ${index}`;
      await Promise.all(guests.map(({ write }) => write(last)));
    }
    // Half a minute at a time, because the server's heartbeats follow the real clock.
    await person.context.clock.fastForward(30_000);
    await person.log.getByText(last, { exact: true }).waitFor();
    await person.context.clock.fastForward(30_000);
    if (isCut) {
      cuts += 1;
      await person.page.getByText(/^No connection since/).waitFor({ state: "hidden" });
      await expectNoGap(person, minute);
    }
    // Switch to another guest every 5 minutes.
    if (minute % 5 === 4) await openByRow(person, guests[(minute % guests.length) as 0]!.name);
    if (minute === WARM) warm = await measure(inspector);
  }
  expect(cuts).toBe(CUTS);
  const end = await measure(inspector);
  console.warn(`soak: ${MINUTES} minutes, ${cuts} cuts, heap ${mb(warm!.heap)} → ${mb(end.heap)} MB, detached nodes ${warm!.detached} → ${end.detached}`);
  expect(end.heap - warm!.heap).toBeLessThan(MOST_GROWTH);
  expect(end.detached).toBeLessThanOrEqual(warm!.detached + FEW_NODES);
}, (IS_LONG ? 60 : 3) * 60_000);

/** Expects each message of the disconnected minute exactly once. */
async function expectNoGap(person: Person, minute: number): Promise<void> {
  const texts = () => person.log.getByText(new RegExp(`^Minute ${minute}, message \\d+$`)).allInnerTexts();
  await expect.poll(texts).toEqual([`Minute ${minute}, message 0`, `Minute ${minute}, message 10`]);
}

async function openByRow(person: Person, name: string): Promise<void> {
  await person.row(name).click();
  await person.page.getByRole("main").getByRole("heading", { name }).waitFor();
}

async function measure(inspector: CDPSession): Promise<Memory> {
  await inspector.send("HeapProfiler.collectGarbage");
  const { usedSize } = await inspector.send("Runtime.getHeapUsage");
  const { detachedNodes } = await inspector.send("DOM.getDetachedDomNodes");
  return { heap: usedSize, detached: detachedNodes.length };
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
