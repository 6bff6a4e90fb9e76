import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { Stage, type Guest } from "./support/stage";

const NOTES = 260;

const stage = new Stage();

test("15, 28: nothing moves old messages while they are read, and old ones are not announced", async () => {
  const guest = await guestWithNotes("Ida Moen", NOTES);
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.log.getByText(`Note ${NOTES - 1}`).waitFor();
  const loaded = () => person.log.getByText(/^Note \d+$/).count();
  const before = await loaded();
  expect(before).toBeLessThan(NOTES);
  const announced = await countAnnouncements(person);

  // To the oldest loaded one: older ones come in above it.
  const anchor = person.log.getByText(`Note ${NOTES - before}`, { exact: true });
  const top = await anchor.evaluate((message) => {
    message.scrollIntoView();
    return message.getBoundingClientRect().top;
  });
  // The browser scrolls by whole pixels, heights are fractions.
  const movement = () => anchor.evaluate((message, old) => Math.trunc(message.getBoundingClientRect().top - old), top);
  await expect.poll(loaded).toBeGreaterThan(before);
  expect(await movement()).toBe(0);
  expect(await announced()).toEqual([]);

  await guest.write("Hello again");
  await person.log.getByText("Hello again").waitFor();
  expect(await movement()).toBe(0);
  await person.page.getByRole("button", { name: "1 new" }).click();
  await expect.poll(() => person.log.getByText("Hello again").evaluate(isInView)).toBe(true);
});

test("28: one guest message is announced once", async () => {
  const guest = await stage.guest("Kim Larsen");
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await expect.poll(() => person.log.getAttribute("aria-live")).toBe("polite");
  const announced = await countAnnouncements(person);
  await guest.write("Is breakfast included?");
  await person.log.getByText("Is breakfast included?").waitFor();
  await guest.write("And parking?");
  await person.log.getByText("And parking?").waitFor();
  expect((await announced()).filter((text) => text.includes("Is breakfast included?"))).toHaveLength(1);
});

test("16: however long a thread is, the page holds at most 1,000 messages", async () => {
  const guest = await guestWithNotes("Per Olsen", 1_150);
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.log.getByText("Note 1149").waitFor();
  const messages = person.log.locator("[data-message]");
  const first = person.log.getByText("this is Per Olsen");
  let most = 0;
  await expect
    .poll(
      async () => {
        await messages.first().scrollIntoViewIfNeeded();
        most = Math.max(most, await messages.count());
        return await first.isVisible();
      },
      { timeout: 30_000 },
    )
    .toBe(true);
  expect(most).toBeGreaterThan(800);
  expect(most).toBeLessThanOrEqual(1_000);
  expect(await person.log.getByText("Note 1149").count()).toBe(0);
  await person.page.getByRole("button", { name: "To the newest" }).click();
  await expect.poll(() => person.log.getByText("Note 1149").evaluate(isInView)).toBe(true);
});

async function guestWithNotes(name: string, count: number): Promise<Guest> {
  const guest = await stage.guest(name);
  const manager = await stage.api("manager");
  for (let index = 0; index < count; index += 1) await manager.post(`conversations/${guest.id}/notes/`, { text: `Note ${index}` });
  return guest;
}

/** Records what a screen reader reads aloud of the thread from now on. */
async function countAnnouncements(person: Person): Promise<() => Promise<string[]>> {
  const announced = await person.log.evaluateHandle((log) => {
    const texts: string[] = [];
    new MutationObserver((changes) => {
      if (log.getAttribute("aria-live") !== "polite") return;
      for (const { addedNodes } of changes) texts.push(...[...addedNodes].map(({ textContent }) => textContent ?? ""));
    }).observe(log, { childList: true, subtree: true });
    return texts;
  });
  return async () => await announced.jsonValue();
}

function isInView(element: Element): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}
