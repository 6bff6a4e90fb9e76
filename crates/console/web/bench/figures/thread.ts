import type { Page } from "playwright-core";

import type { Person } from "../../tests/support/browser";
import { p95 } from "../statistics";

declare global {
  interface Window {
    benchThread: Promise<ThreadOpening>;
  }
}

/** Milliseconds from the click on a row to the paint of the newest messages, and of all 200. */
interface ThreadOpening {
  readonly newest: number;
  readonly all: number;
}

const THREADS = 20;
const MESSAGES = 200;
const BYTES_PER_MB = 1_000_000;

/** Opens different threads of 200 messages. Returns the 95th percentiles of their opening times. */
export async function measureThreads({ page }: Person): Promise<ThreadOpening> {
  const opened = new Set<string>();
  const openings: ThreadOpening[] = [];
  while (opened.size < THREADS) {
    const next = (await rowsInView(page)).find((id) => !opened.has(id));
    if (next === undefined) {
      await page.mouse.wheel(0, 500);
      await page.waitForTimeout(200);
      continue;
    }
    opened.add(next);
    await page.evaluate(awaitThread, MESSAGES);
    await page.locator(`[data-conversation="${next}"]`).click();
    openings.push(await page.evaluate(() => window.benchThread));
  }
  // Scroll back to the newest conversations, which the next figures observe.
  await page.mouse.wheel(0, -100_000);
  return { newest: p95(openings.map(({ newest }) => newest)), all: p95(openings.map(({ all }) => all)) };
}

/** Returns the size of the JavaScript heap in MB after garbage collection. */
export async function measureHeap({ context, page }: Person): Promise<number> {
  const session = await context.newCDPSession(page);
  await session.send("HeapProfiler.enable");
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize / BYTES_PER_MB;
}

/** Returns the ids of the conversations whose rows are completely in the viewport. */
async function rowsInView(page: Page): Promise<string[]> {
  return await page.locator("[data-conversation]").evaluateAll((rows) => {
    const list = document.querySelector("[aria-labelledby=list-title]")?.getBoundingClientRect();
    const isInView = ({ top, bottom }: DOMRect) => list !== undefined && top > list.top + 100 && bottom < list.bottom;
    return rows.filter((row) => isInView(row.getBoundingClientRect())).map((row) => row.getAttribute("data-conversation") ?? "");
  });
}

/** Runs in the page: waits for the next click, then for the paints with messages of another thread. */
function awaitThread(messages: number): void {
  const bubbles = () => document.querySelectorAll("[role=log] [data-message]");
  const before = bubbles()[0];
  let pressed = 0;
  addEventListener("click", ({ timeStamp }) => (pressed = timeStamp), { capture: true, once: true });
  window.benchThread = new Promise((resolve) => {
    let newest: number | null = null;
    const observer = new MutationObserver(() => {
      const shown = bubbles();
      if (shown.length === 0 || shown[0] === before) return;
      const isWhole = shown.length >= messages;
      if (isWhole) observer.disconnect();
      window.benchClock.afterPaint(() => {
        const time = performance.now() - pressed;
        newest ??= time;
        if (isWhole) resolve({ newest, all: time });
      });
    });
    observer.observe(document, { childList: true, subtree: true });
  });
}
