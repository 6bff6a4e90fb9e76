import type { Page } from "playwright-core";

import type { Person } from "./browser";

interface Recorded {
  /** Number of started notes; a sound has two. */
  notes: number;
  /** Titles of the open notifications. */
  shown: string[];
  badge: number;
  isFocused: boolean;
}

declare global {
  // The recorder runs in the page.
  interface Window {
    recorded: Recorded;
  }
}

const NOTES_OF_A_SOUND = 2;

/** Records sounds, notifications and badge in all pages of a person. Call before the first page is opened. */
export async function recordAttention({ context }: Person): Promise<void> {
  await context.addInitScript(() => {
    const recorded: Recorded = { notes: 0, shown: [], badge: 0, isFocused: true };
    window.recorded = recorded;
    const start = AudioScheduledSourceNode.prototype.start;
    AudioScheduledSourceNode.prototype.start = function count(...when) {
      recorded.notes += 1;
      start.apply(this, when);
    };
    // A headless browser has no notifications and no badge.
    class RecordedNotification extends EventTarget {
      static readonly permission = "granted";
      static requestPermission = () => Promise.resolve("granted");
      constructor(readonly title: string) {
        super();
        recorded.shown.push(title);
      }
      close() {
        recorded.shown = recorded.shown.filter((title) => title !== this.title);
      }
    }
    Object.assign(window, { Notification: RecordedNotification });
    Object.assign(navigator, {
      setAppBadge: (count: number) => Promise.resolve(void (recorded.badge = count)),
      clearAppBadge: () => Promise.resolve(void (recorded.badge = 0)),
    });
    // In a headless browser `hasFocus` is true in all pages.
    document.hasFocus = () => recorded.isFocused;
  });
}

/** Returns the total number of sounds of the pages. */
export async function soundsOf(...pages: readonly Page[]): Promise<number> {
  const notes = await Promise.all(pages.map((page) => page.evaluate(() => window.recorded.notes)));
  return notes.reduce((sum, each) => sum + each, 0) / NOTES_OF_A_SOUND;
}

export async function badgeOf(page: Page): Promise<number> {
  return await page.evaluate(() => window.recorded.badge);
}

export async function notificationsOf(page: Page): Promise<readonly string[]> {
  return await page.evaluate(() => window.recorded.shown);
}

/** Simulates that the window loses or gets the focus. */
export async function setFocused(page: Page, isFocused: boolean): Promise<void> {
  await page.evaluate((focused) => {
    window.recorded.isFocused = focused;
    window.dispatchEvent(new Event(focused ? "focus" : "blur"));
  }, isFocused);
}

/** Returns an `evaluate` that is no user gesture; that of Playwright would unlock sound. */
export async function looker(page: Page): Promise<<T>(expression: string) => Promise<T>> {
  const inspector = await page.context().newCDPSession(page);
  return async <T>(expression: string) => {
    const { result } = await inspector.send("Runtime.evaluate", { expression, returnByValue: true, userGesture: false });
    return result.value as T;
  };
}
