import type { BrowserContext, Page } from "playwright-core";

/** Records the times of events in the page, in milliseconds since the start of the navigation. */
interface PageClock {
  /** `submit`, `click`: the last one. `form`, `rows`: their first paint. `live`: the first `resumed` frame. */
  readonly marks: Record<string, number>;
  forget(...marks: string[]): void;
  /** Calls `handle` after the next paint. `look` runs just before, in the animation frame, to inspect the page. */
  afterPaint(handle: () => void, look?: () => void): void;
}

declare global {
  interface Window {
    benchClock: PageClock;
  }
}

/** Timeout and polling interval in milliseconds. */
const TIMEOUT = 60_000;
const POLL_INTERVAL = 50;

/** Installs a clock in each page of a context, before the scripts of the page run. */
export async function installClock(context: BrowserContext): Promise<void> {
  await context.addInitScript(startClock, { form: "input[name=username]", rows: "[data-conversation]" });
}

/** Waits for a mark and returns its time. Polls, because the CSP of the page forbids `waitForFunction`. */
export async function markOf(page: Page, mark: string): Promise<number> {
  for (const end = Date.now() + TIMEOUT; Date.now() < end; ) {
    const at = await page.evaluate((name) => window.benchClock.marks[name], mark);
    if (at !== undefined) return at;
    await page.waitForTimeout(POLL_INTERVAL);
  }
  throw new Error(`${mark} did not happen`);
}

/** Runs in the page: records the marks. */
function startClock(elements: Record<string, string>): void {
  const marks: Record<string, number> = {};

  function afterPaint(handle: () => void, look?: () => void): void {
    requestAnimationFrame(() => {
      look?.();
      const { port1, port2 } = new MessageChannel();
      port1.addEventListener("message", handle, { once: true });
      port1.start();
      port2.postMessage(null);
    });
  }

  let isLooking = false;
  function lookForElements(): void {
    if (isLooking) return;
    isLooking = true;
    let present: string[] = [];
    afterPaint(
      () => {
        for (const name of present) marks[name] ??= performance.now();
      },
      () => {
        isLooking = false;
        const missing = Object.entries(elements).filter(([name]) => marks[name] === undefined);
        present = missing.filter(([, selector]) => document.querySelector(selector) !== null).map(([name]) => name);
      },
    );
  }

  new MutationObserver(lookForElements).observe(document, { childList: true, subtree: true });
  for (const type of ["submit", "click"]) addEventListener(type, (event) => (marks[type] = event.timeStamp), true);
  window.WebSocket = class extends WebSocket {
    constructor(...address: ConstructorParameters<typeof WebSocket>) {
      super(...address);
      this.addEventListener("message", ({ data }) => {
        if (String(data).includes('"type":"resumed"')) marks["live"] ??= performance.now();
      });
    }
  };
  window.benchClock = { marks, afterPaint, forget: (...names) => names.forEach((name) => delete marks[name]) };
}
