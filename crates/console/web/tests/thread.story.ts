import { once } from "node:events";

import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { copyNote } from "./support/copies";
import { paintPicture } from "./support/picture";
import { Stage, type Guest } from "./support/stage";

const NOTES = 260;
const LONG = 10_000;

const stage = new Stage();

test("15, 28: messages being read do not move, and older messages are not announced", async () => {
  const guest = await guestWithNotes("Ida Moen", NOTES - 100);
  const manager = await stage.api("manager");
  const pictured = await manager.upload(`conversations/${guest.id}/attachments/`, "pool.png", paintPicture(320, 240));
  await addNotes(guest, NOTES - 100, NOTES);
  const person = await stage.desk("reception");
  // The response with the picture is delayed.
  const slowness = new AbortController();
  const end = once(slowness.signal, "abort");
  await person.context.route(/attachments\/\d+\//, async (route) => {
    await end;
    await route.continue();
  });
  await person.open(guest.id);
  await person.log.getByText(`Note ${NOTES - 1}`).waitFor();
  const loaded = () => person.log.getByText(/^Note \d+$/).count();
  const before = await loaded();
  expect(before).toBeLessThan(NOTES);
  const announced = await countAnnouncements(person);

  // Scroll to the oldest loaded message, above which older ones will be inserted.
  const anchor = person.log.getByText(`Note ${NOTES - before}`, { exact: true });
  const top = await anchor.evaluate((message) => {
    message.scrollIntoView();
    return message.getBoundingClientRect().top;
  });
  // The browser scrolls by whole pixels, but heights have fractions.
  const movement = () => anchor.evaluate((message, old) => Math.trunc(message.getBoundingClientRect().top - old) + 0, top);
  await expect.poll(loaded).toBeGreaterThan(before);
  expect(await movement()).toBe(0);
  expect(await announced()).toEqual([]);

  const picture = person.log.locator(`[data-message="${pictured.id}"]`);
  expect(await picture.locator("img").count()).toBe(0);
  slowness.abort();
  await picture.locator("img").waitFor();
  expect(await movement()).toBe(0);

  await manager.post(`conversations/${guest.id}/send_message/`, { text: "Ticks change" });
  await expect.poll(() => person.log.getByRole("listitem").filter({ hasText: "Ticks change" }).innerText()).toContain("Read");
  expect(await movement()).toBe(0);

  await guest.write("Hello again");
  await person.log.getByText("Hello again").waitFor();
  expect(await movement()).toBe(0);
  await person.page.getByRole("button", { name: "2 new" }).click();
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

test("16: a thread of 10,000 messages opens at the newest within a second, and the page contains at most 1,000", async () => {
  const guest = await guestWithNotes("Per Olsen", LONG);
  const other = await stage.guest("Short Thread");
  const person = await stage.desk("reception");
  await person.open(other.id);
  // Milliseconds in the page from the click to the paint of the newest message.
  const opened = await person.page.evaluate(
    async ([id, newest]) => {
      const start = performance.now();
      document.querySelector<HTMLElement>(`[data-conversation="${id}"]`)?.click();
      const isShown = () => [...document.querySelectorAll("[role=log] li")].at(-1)?.textContent?.includes(newest) ?? false;
      while (!isShown()) await new Promise(requestAnimationFrame);
      return performance.now() - start;
    },
    [guest.id, `Note ${LONG - 1}`] as const,
  );
  expect(opened).toBeLessThan(1_000);
  expect(await person.log.getByText(`Note ${LONG - 1}`, { exact: true }).evaluate(isInView)).toBe(true);

  // Scroll to the top repeatedly: the message there stays in the viewport, and the end of the thread is cut off.
  const messages = person.log.locator("[data-message]");
  await expect.poll(() => messages.count()).toBeGreaterThan(100);
  let most = 0;
  for (let page = 1; page < 8; page += 1) {
    const first = await messages.first().getAttribute("data-message");
    await messages.first().evaluate((message) => message.closest("[tabindex]")?.scrollTo({ top: -1e9 }));
    await expect.poll(() => messages.first().getAttribute("data-message")).not.toBe(first);
    await expect.poll(() => person.log.locator(`[data-message="${first}"]`).evaluate(isInView), { timeout: 2_000, message: `page ${page}` }).toBe(true);
    most = Math.max(most, await messages.count());
  }
  expect(most).toBe(1_000);
  expect(await person.log.getByText(`Note ${LONG - 1}`, { exact: true }).count()).toBe(0);
  await person.page.getByRole("button", { name: "To the newest" }).click();
  await expect.poll(() => person.log.getByText(`Note ${LONG - 1}`, { exact: true }).evaluate(isInView)).toBe(true);
}, 180_000);

test("a reload restores the scroll positions of thread and list", async () => {
  for (let index = 0; index < 8; index += 1) await stage.guest(`Row ${index}`);
  const guest = await guestWithNotes("Britt Dahl", NOTES);
  const person = await stage.desk("reception", { viewport: { width: 1440, height: 500 } });
  await person.open(guest.id);
  const message = person.log.getByText("Note 20", { exact: true });
  await expect
    .poll(async () => {
      await person.log.locator("[data-message]").first().scrollIntoViewIfNeeded();
      return await message.isVisible();
    })
    .toBe(true);
  await message.evaluate((element) => element.scrollIntoView());
  const list = person.page.locator("[aria-setsize]").first().locator("xpath=../../..");
  const top = await list.evaluate((element) => {
    element.scrollTop = 150;
    return element.scrollTop;
  });
  expect(top).toBeGreaterThan(0);
  const before = await message.boundingBox();

  await person.page.reload();
  await person.waitForInbox();
  await expect.poll(() => message.boundingBox().then((box) => Math.abs((box?.y ?? -999) - before!.y))).toBeLessThan(3);
  await expect.poll(() => list.evaluate((element) => element.scrollTop)).toBe(top);
  // A jump soon after the reload ends the restoring: the next message does not scroll back.
  await person.page.getByRole("button", { name: "To the newest" }).click();
  await expect.poll(() => person.log.getByText(`Note ${NOTES - 1}`, { exact: true }).evaluate(isInView)).toBe(true);
  await guest.write("Good evening");
  await expect.poll(() => person.log.getByText("Good evening").evaluate(isInView)).toBe(true);
  // A thread that was at its end opens at its end again, with messages that arrived meanwhile.
  await person.page.reload();
  await guest.write("Good night");
  await expect.poll(() => person.log.getByText("Good night").evaluate(isInView)).toBe(true);
});

async function guestWithNotes(name: string, count: number): Promise<Guest> {
  const guest = await stage.guest(name);
  await addNotes(guest, 0, count);
  return guest;
}

/** Adds notes "Note 7" and so on, in order. */
async function addNotes({ id }: Guest, from: number, to: number): Promise<void> {
  const manager = await stage.api("manager");
  const add = (number: number) => manager.post<{ id: number }>(`conversations/${id}/notes/`, { text: `Note ${number}` });
  let next = from;
  if (to - from > NOTES) {
    const { id: note } = await add(from);
    next = to - 1;
    copyNote(stage.server, note, from + 1, next);
  }
  for (; next < to; next += 1) await add(next);
}

/** Records the text of the thread that a screen reader announces from now on. */
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
