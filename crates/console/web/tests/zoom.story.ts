import type { BrowserContextOptions, Page } from "playwright-core";
import { expect, test } from "vitest";

import { Stage } from "./support/stage";
import { word } from "./support/words";

const SCREENS = ["/me", "/stays", "/hotel", "/hotel/people", "/hotel/templates"];

const stage = new Stage();

// German has the longest words.
test.each<[string, BrowserContextOptions]>([
  ["200 % zoom", { viewport: { width: 720, height: 450 }, deviceScaleFactor: 2 }],
  ["320 px", { viewport: { width: 320, height: 640 } }],
])("29: at %s no text is cut off, and no element scrolls in two directions", async (name, options) => {
  const guest = await stage.guest(`Konstantin Wiedemann, ${name}`);
  const person = await stage.arrive({ ...options, locale: "de-DE" });
  const { page } = person;
  await page.goto(`${stage.server.base}/inbox/with_us`);
  await page.locator("input[name=username]").waitFor();
  await expectWhole(page, "sign-in");
  await person.fillSignIn("manager", stage.server.password);
  await person.row(guest.name).waitFor();
  await expectWhole(page, "list");
  await person.open(guest.id);
  await expectWhole(page, "thread");
  await page.getByRole("button", { name: word("de", "thread.more"), exact: true }).click();
  await page.getByRole("menuitem", { name: word("de", "thread.transfer") }).click();
  await page.getByRole("dialog", { name: guest.name }).waitFor();
  await expectWhole(page, "transfer");
  for (const screen of SCREENS) {
    await page.goto(stage.server.base + screen);
    await page.getByRole("main").getByRole("heading").first().waitFor();
    await expectWhole(page, screen);
  }
});

test("29: with prefers-reduced-motion there are no animations", async () => {
  const guest = await stage.guest("Lea Stein");
  const person = await stage.desk("reception", { reducedMotion: "reduce" });
  await person.open(guest.id);
  const { page } = person;
  const moved = await page.evaluateHandle(() => {
    const names: string[] = [];
    const note = (event: TransitionEvent | AnimationEvent) => {
      const [animation] = (event.target as Element).getAnimations();
      if (Number(animation?.effect?.getComputedTiming().duration ?? 0) > 1) names.push(`${event.type} of ${(event.target as Element).className}`);
    };
    document.addEventListener("transitionrun", note);
    document.addEventListener("animationstart", note);
    return names;
  });
  await page.getByRole("button", { name: "More actions", exact: true }).click();
  await page.getByRole("menuitem", { name: "Labels…" }).click();
  await page.getByRole("dialog", { name: "Labels" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Labels" }).waitFor({ state: "hidden" });
  await guest.write("One more thing");
  await person.log.getByText("One more thing").waitFor();
  await page.getByRole("main").getByRole("button", { name: "Done", exact: true }).hover();
  await page.getByRole("main").getByRole("button", { name: "Done", exact: true }).click();
  await page.getByText("Lea Stein is done.").waitFor();
  expect(await moved.jsonValue()).toEqual([]);
});

async function expectWhole(page: Page, place: string): Promise<void> {
  await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => undefined))));
  const faults = await page.evaluate(() => {
    const found: string[] = [];
    const report = (fault: string, { tagName, className, textContent }: Element) => {
      found.push(`${fault}: ${tagName.toLowerCase()}.${className}: ${(textContent ?? "").slice(0, 40)}`);
    };
    const [cutting, scrolling] = [["hidden", "clip"], ["auto", "scroll"]];
    if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
    for (const element of document.querySelectorAll<HTMLElement>("body *")) {
      const box = element.getBoundingClientRect();
      // Visually hidden elements have 1 px; inert elements are covered.
      if (box.width <= 1 || box.height <= 1 || element.closest("[inert], svg, select") !== null) continue;
      if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      const { overflowX, overflowY, textOverflow } = getComputedStyle(element);
      const isWider = element.scrollWidth > element.clientWidth + 1;
      const isHigher = element.scrollHeight > element.clientHeight + 1;
      const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== "");
      if (cutting.includes(overflowX) && isWider && textOverflow !== "ellipsis") report("cut", element);
      if (cutting.includes(overflowY) && isHigher && hasText && textOverflow !== "ellipsis") report("cut below", element);
      if (scrolling.includes(overflowX) && isWider && scrolling.includes(overflowY) && isHigher) report("scrolls in two directions", element);
      // Chips and tables may scroll sideways, and list rows may truncate: the thread shows the full name.
      const mayBeWider = element.closest("nav, table, li a") !== null;
      if (hasText && !mayBeWider && (box.right > innerWidth + 1 || box.left < -1)) report("beyond the edge", element);
    }
    return found;
  });
  expect(faults, place).toEqual([]);
}
