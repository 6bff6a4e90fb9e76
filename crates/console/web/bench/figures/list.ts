import type { Person } from "../../tests/support/browser";
import { markOf } from "../page-clock";
import { p95 } from "../statistics";

const FRAMES = 300;
/** Scroll distance per frame in pixels: two rows. */
const STEP = 150;

/** Returns the milliseconds from the click on a queue to the paint of its rows. */
export async function measureQueueOpening({ page, server }: Person): Promise<number> {
  const link = (path: string) => page.getByRole("navigation").locator(`a[href="${path}"]`);
  await link("/inbox/mine").click();
  await page.locator("[data-conversation]").first().waitFor({ state: "detached" });
  await page.evaluate(() => window.benchClock.forget("rows"));
  await link("/inbox/with_us").click();
  const rows = await markOf(page, "rows");
  await page.waitForURL(`${server.base}/inbox/with_us`);
  return rows - (await markOf(page, "click"));
}

/** Returns the 95th percentile of frame times in milliseconds while the list scrolls. */
export async function measureScrolling({ page }: Person): Promise<number> {
  const between = await page.locator("[data-conversation]").first().evaluate(scroll, { frames: FRAMES, step: STEP });
  return p95(between);
}

/** Runs in the page: scrolls the list and returns the times between frames. */
async function scroll(row: Element, { frames, step }: { frames: number; step: number }): Promise<number[]> {
  let list = row.parentElement;
  while (list !== null && !/auto|scroll/.test(getComputedStyle(list).overflowY)) list = list.parentElement;
  if (list === null) throw new Error("the list does not scroll");
  const scroller = list;
  const times: number[] = [];
  await new Promise<void>((resolve) => {
    function next(time: number): void {
      times.push(time);
      if (times.length > frames) return resolve();
      scroller.scrollTop += step;
      requestAnimationFrame(next);
    }
    requestAnimationFrame(next);
  });
  scroller.scrollTop = 0;
  return times.slice(1).map((time, at) => time - (times[at] ?? time));
}
