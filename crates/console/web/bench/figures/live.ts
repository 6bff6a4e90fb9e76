import type { Page } from "playwright-core";

import type { Person } from "../../tests/support/browser";
import type { BusyHotel } from "../hotel";
import { p95 } from "../statistics";

declare global {
  interface Window {
    /** Stops the observer and returns the paint time of each token, in milliseconds since 1970. */
    benchTokens: () => Record<string, number>;
  }
}

const PER_SECOND = 20;
const DURATION = 10_000;

/** Returns the 95th percentile of milliseconds from the POST of a guest's message to its paint in the list. */
export async function measureDelivery({ page }: Person, hotel: BusyHotel): Promise<number> {
  await putNewestFirst(page);
  await page.evaluate(noteTokens);
  const posted = new Map<string, number>();
  const stop = hotel.letGuestsWrite(PER_SECOND, (number) => {
    const token = `#${number}#`;
    posted.set(token, performance.timeOrigin + performance.now());
    return `${token} Is breakfast still served?`;
  });
  await page.waitForTimeout(DURATION);
  await stop();
  await page.waitForTimeout(1_000);
  const seen = await page.evaluate(() => window.benchTokens());
  const times = [...posted].map(([token, at]) => (seen[token] ?? Number.POSITIVE_INFINITY) - at);
  return p95(times);
}

/** Guests who write are at the top of the list then, so that their messages are painted. */
async function putNewestFirst(page: Page): Promise<void> {
  await page.getByRole("button", { name: /^Order/ }).click();
  await page.getByRole("menuitem", { name: "Newest first" }).click();
  // The order is frozen while the pointer is in the list.
  await page.mouse.move(1_000, 400);
}

/** Runs in the page: records the first paint of each token in the list, in milliseconds since 1970. */
function noteTokens(): void {
  const seen: Record<string, number> = {};
  let isLooking = false;
  const observer = new MutationObserver(() => {
    if (isLooking) return;
    isLooking = true;
    let text = "";
    window.benchClock.afterPaint(
      () => {
        for (const [token] of text.matchAll(/#\d+#/g)) seen[token] ??= performance.timeOrigin + performance.now();
      },
      () => {
        isLooking = false;
        for (const row of document.querySelectorAll("[data-conversation]")) text += row.textContent;
      },
    );
  });
  observer.observe(document, { childList: true, subtree: true, characterData: true });
  window.benchTokens = () => {
    observer.disconnect();
    return seen;
  };
}
