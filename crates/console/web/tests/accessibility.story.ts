import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { AxeResults } from "axe-core";
import type { BrowserContextOptions } from "playwright-core";
import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { Stage } from "./support/stage";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const SCREENS = ["/me", "/stays", "/hotel", "/hotel/people", "/hotel/templates", "/nothing-here"];

const stage = new Stage();

test.each<[string, BrowserContextOptions]>([
  ["light, English", { colorScheme: "light" }],
  ["dark, Arabic", { colorScheme: "dark", locale: "ar" }],
  ["dark, English, telephone", { colorScheme: "dark", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
  ["light, Arabic, telephone", { colorScheme: "light", locale: "ar", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
])("27: axe finds nothing: %s", async (_name, options) => {
  const guest = await stage.guest("Gil Santos");
  const person = await stage.arrive({ ...options, reducedMotion: "reduce" });
  const { page } = person;
  await page.goto(`${stage.server.base}/inbox/with_us`);
  await page.locator("input[name=username]").waitFor();
  await expectAccessible(person, "sign-in");
  await person.fillSignIn("manager", stage.server.password);
  await person.row(guest.name).first().waitFor();
  await expectAccessible(person, "list");

  await person.open(guest.id);
  await expectAccessible(person, "thread");
  await page.getByRole("main").locator("[aria-haspopup]").first().click();
  await page.getByRole("menu").or(page.getByRole("dialog")).first().waitFor();
  await expectAccessible(person, "menu");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+Shift+F");
  await page.getByRole("dialog").waitFor();
  await expectAccessible(person, "dialog");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.keyboard.press("Control+Shift+L");
  await expectAccessible(person, "note");

  for (const screen of SCREENS) {
    await page.goto(stage.server.base + screen);
    await page.getByRole("main").getByRole("heading").first().waitFor();
    await expectAccessible(person, screen);
  }
});

async function expectAccessible({ page }: Person, place: string): Promise<void> {
  // By the debugger, since the policy of the page allows no foreign script.
  await page.evaluate(AXE);
  const results = await page.evaluate(`axe.run(document, { runOnly: ${JSON.stringify(RULES)}, resultTypes: ["violations"] })`);
  const violations = (results as AxeResults).violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${place}: ${id}: ${html.slice(0, 200)}`));
  expect(violations).toEqual([]);
}
