import { expect, test } from "vitest";

import { findViolations } from "./support/axe";
import { Stage } from "./support/stage";
import { word } from "./support/words";

const stage = new Stage();
const PALETTE = "Search and commands";
const TELEPHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

interface Conversation {
  readonly guest_name: string;
  readonly room_number: string | null;
}

test("Ctrl K finds rooms, guests, messages and commands, by keyboard alone", async () => {
  const guest = await stage.guest("Zoë Ångström");
  const written = await guest.write("Is the <b>sauna</b> & the pool open late?");
  const person = await stage.desk("manager");
  const { page } = person;
  const palette = page.getByRole("dialog", { name: PALETTE });
  const field = palette.getByRole("combobox");
  await page.keyboard.press("Control+k");
  await expect.poll(() => field.evaluate((input) => input === document.activeElement)).toBe(true);
  expect(await findViolations(page, "empty palette")).toEqual([]);

  await page.keyboard.type("zoe angs");
  await palette.getByRole("option", { name: guest.name }).waitFor();
  const hit = palette.getByRole("group", { name: word("en", "search.messages") }).getByRole("option").first();
  // Three letters of a word find its message.
  await field.fill("sau");
  await expect.poll(() => hit.locator("mark").allTextContents()).toEqual(["sauna"]);
  await field.fill("sauna pool");
  await expect.poll(() => hit.locator("mark").allTextContents()).toEqual(["sauna", "pool"]);
  expect(await hit.textContent()).toContain("<b>sauna</b> & the pool");
  expect(await findViolations(page, "palette")).toEqual([]);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/${guest.id}?around=${written.message_id}`);
  await person.log.getByText("open late?").waitFor();
  expect(await palette.count()).toBe(0);

  // A command with a key, for the conversation that is open.
  await page.keyboard.press("Control+k");
  await page.keyboard.type("Transfer");
  await palette.getByRole("option", { name: "Transfer" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: `Transfer ${guest.name}` }).waitFor();
  await page.keyboard.press("Escape");

  // A room; and the conversations that were opened last.
  const manager = await stage.api("manager");
  const { results } = await manager.get<{ results: Conversation[] }>("conversations/?status=active,relay,checkin&page_size=100");
  const inRoom = results.find(({ room_number }) => room_number !== null);
  expect(inRoom).toBeDefined();
  await page.keyboard.press("Control+k");
  await page.keyboard.type(`/${inRoom?.room_number}`);
  await expect.poll(async () => (await palette.getByRole("option").allTextContents()).join()).toContain(inRoom?.guest_name);
  await page.keyboard.press("Enter");
  await page.getByRole("main").getByText(inRoom?.guest_name ?? "").first().waitFor();
  await page.keyboard.press("Control+k");
  await palette.getByRole("group", { name: word("en", "search.recent") }).getByRole("option", { name: guest.name }).waitFor();
  await page.keyboard.press("Escape");
  expect(await palette.count()).toBe(0);
});

test("the search page keeps words and filters in the address, and a hit opens the thread at the message", async () => {
  const guest = await stage.guest("Hugo Lind");
  const old = await guest.write("My passport is in the safe.");
  for (let count = 0; count < 30; count += 1) await guest.write(`Another line, number ${count}.`);
  const person = await stage.desk("manager");
  const { page } = person;
  await page.goto(`${stage.server.base}/search`);
  await page.getByText(word("en", "search.hint")).waitFor();
  await page.getByRole("searchbox").fill("passport safe");
  const hits = page.getByRole("main").getByRole("listitem");
  await hits.first().waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.get("q")).toBe("passport safe");
  expect(await hits.locator("mark").allTextContents()).toEqual(["passport", "safe"]);
  await page.getByRole("button", { name: /Written by/ }).click();
  await page.getByRole("option", { name: word("en", "search.sender.staff") }).click();
  await page.getByText(word("en", "search.none")).waitFor();
  expect(new URL(page.url()).searchParams.get("sender")).toBe("staff");
  await page.reload();
  await page.getByText(word("en", "search.none")).waitFor();
  await page.getByRole("button", { name: /Written by/ }).click();
  await page.getByRole("option", { name: word("en", "search.sender.guest") }).click();
  await hits.first().getByRole("link").click();
  await page.waitForURL(`**/${guest.id}?around=${old.message_id}`);
  const bubble = person.log.locator(`[data-message="${old.message_id}"]`);
  await bubble.waitFor();
  await expect.poll(() => bubble.evaluate((line) => line.getBoundingClientRect().top)).toBeLessThan(700);
  await expect.poll(() => bubble.evaluate((line) => line.getBoundingClientRect().top)).toBeGreaterThan(0);
});

test("without a connection the palette searches what is loaded, and says so", async () => {
  const guest = await stage.guest("Ida Holm");
  const person = await stage.desk("manager");
  const { page } = person;
  await page.goto(`${stage.server.base}/inbox/with_us`);
  await person.row(guest.name).first().waitFor();
  const palette = page.getByRole("dialog", { name: PALETTE });
  // Loads the chunk of the palette.
  await page.keyboard.press("Control+k");
  await palette.waitFor();
  await page.keyboard.press("Escape");
  await stage.server.kill();
  await page.getByText(/No connection/).first().waitFor();
  await page.keyboard.press("Control+k");
  await palette.getByText(word("en", "search.offline")).waitFor();
  await page.keyboard.type("ida");
  await palette.getByRole("option", { name: guest.name }).waitFor();
  await stage.server.restart();
});

test("on a telephone the search is a tab, in English and Arabic", async () => {
  const guest = await stage.guest("Noor Haddad");
  await guest.write("Is there a telephone charger?");
  for (const [language, locale] of [["en", "en-GB"], ["ar", "ar"]] as const) {
    const person = await stage.desk("manager", { ...TELEPHONE, locale });
    const { page } = person;
    await page.getByRole("link", { name: word(language, "frame.search"), exact: true }).tap();
    await page.getByRole("searchbox").fill("charger");
    await page.getByRole("main").getByRole("listitem").first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(await findViolations(page, `search ${language}`)).toEqual([]);
    await page.getByRole("main").getByRole("listitem").getByRole("link").first().tap();
    await person.log.getByText("charger").waitFor();
  }
});
