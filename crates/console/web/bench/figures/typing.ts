import type { Person } from "../../tests/support/browser";
import type { BusyHotel } from "../hotel";
import { p95 } from "../statistics";

declare global {
  interface Window {
    benchKeys: number[];
  }
}

const PER_SECOND = 25;
const TEXT = "Good evening, the towels are on their way, and the taxi to the airport is ordered for half past six. ";

/** Returns the 95th percentile of milliseconds from a key press in the composer to its paint, while guests write. */
export async function measureTyping(person: Person, hotel: BusyHotel): Promise<number> {
  const { page, box } = person;
  await box.click();
  await page.evaluate(noteKeys);
  const stop = hotel.letGuestsWrite(PER_SECOND, (number) => `Question ${number}: is the pool open?`);
  await page.waitForTimeout(500);
  await page.keyboard.type(TEXT, { delay: 70 });
  await stop();
  const times = await page.evaluate(() => window.benchKeys);
  await box.fill("");
  if (times.length < TEXT.length) throw new Error(`${times.length} of ${TEXT.length} key presses were measured`);
  return p95(times);
}

/** Runs in the page: records the milliseconds from each key press to the next paint. */
function noteKeys(): void {
  const times: number[] = [];
  window.benchKeys = times;
  const note = ({ timeStamp }: KeyboardEvent) => window.benchClock.afterPaint(() => times.push(performance.now() - timeStamp));
  addEventListener("keydown", note, true);
}
