import type { BrowserContextOptions, Page } from "playwright-core";
import { expect, test } from "vitest";

import { Stage } from "./support/stage";
import { word, type Language } from "./support/words";

const TELEPHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const TARGET = 44;

const stage = new Stage();

test.each<Language>(["en", "ar"])("25, 38: list, thread, card and transfer on a telephone in %s", async (language) => {
  const guest = await stage.guest(`Guest of ${language}`);
  const person = await stage.arrive({ ...TELEPHONE, locale: language === "ar" ? "ar" : "en-GB" });
  const { page } = person;
  const button = (key: string) => page.getByRole("button", { name: word(language, key), exact: true });
  await page.goto(`${stage.server.base}/inbox/with_us`);
  await expectToFit(page);
  await person.fillSignIn("reception", stage.server.password);
  await person.row(guest.name).waitFor();
  expect(await page.evaluate(() => document.documentElement.dir)).toBe(language === "ar" ? "rtl" : "ltr");
  await expectToFit(page);

  await person.row(guest.name).tap();
  await person.log.getByText(`this is ${guest.name}`).waitFor();
  await expectToFit(page);
  const back = button("thread.back");
  const arrow = await back.locator("svg").evaluate((icon) => new DOMMatrix(getComputedStyle(icon).transform).a);
  expect(arrow).toBe(language === "ar" ? -1 : 1);

  await button("thread.more").tap();
  await page.getByRole("menuitem", { name: word(language, "thread.card") }).tap();
  const card = page.getByRole("dialog", { name: word(language, "guest.card") });
  await card.getByText("+34600111").waitFor();
  await expectToFit(page);
  await card.getByRole("button", { name: word(language, "ui.close") }).tap();
  await card.waitFor({ state: "hidden" });

  await page.goBack();
  await person.row(guest.name).tap();
  await back.tap();
  await person.row(guest.name).tap();
  await button("thread.more").tap();
  await page.getByRole("menuitem", { name: word(language, "thread.transfer") }).tap();
  const transfer = page.getByRole("dialog");
  await transfer.getByText("Housekeeping").tap();
  await expectToFit(page);
  await transfer.getByRole("button", { name: word(language, "thread.transfer_submit"), exact: true }).tap();
  await page.getByRole("status").getByText(word(language, "thread.gone")).waitFor();
});

test("26: with the on-screen keyboard open the composer and the last message are in the viewport", async () => {
  const guest = await stage.guest("Ole Nilsen");
  const person = await stage.desk("reception", { ...TELEPHONE, viewport: { width: 390, height: 420 } });
  await person.open(guest.id);
  await guest.write("The last words");
  for (const part of [person.log.getByText("The last words"), person.box]) {
    await part.waitFor();
    await expect
      .poll(() => part.evaluate((element) => element.getBoundingClientRect().top >= 0 && element.getBoundingClientRect().bottom <= innerHeight))
      .toBe(true);
  }
});

test("38: names in Latin script are isolated in an Arabic page", async () => {
  const guest = await stage.guest("Zoë O'Neill (2)");
  const person = await stage.desk("reception", { locale: "ar" });
  await person.open(guest.id);
  const inRow = person.row(guest.name).getByText(guest.name, { exact: true });
  const heading = person.page.getByRole("main").getByRole("heading", { name: guest.name });
  for (const name of [inRow, heading]) {
    // Without isolation the closing bracket would be drawn on the other side.
    const isIsolated = await name.evaluate((element) => (element.querySelector("bdi") ?? element.closest("bdi")) !== null);
    expect(isIsolated).toBe(true);
  }
});

/** Expects no horizontal overflow, and all targets to have at least 44 px. */
async function expectToFit(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  const small = await page.evaluate((target) => {
    const targets = [...document.querySelectorAll<HTMLElement>("button, a, input, textarea, select")];
    const shown = targets.filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.closest("[inert], [aria-hidden=true]") === null);
    return shown
      .map((each) => ({ name: each.getAttribute("aria-label") ?? each.textContent, box: (each.closest("label") ?? each).getBoundingClientRect() }))
      // Visually hidden elements have 1 px. Half a pixel may be lost by rounding.
      .filter(({ box }) => box.width > 1 && (box.width < target - 0.5 || box.height < target - 0.5))
      .map(({ name, box }) => `${name}: ${Math.round(box.width)} × ${Math.round(box.height)}`);
  }, TARGET);
  expect(small).toEqual([]);
}
