import { expect, test } from "vitest";

import { badgeOf, looker, notificationsOf, recordAttention, setFocused, soundsOf } from "./support/attention";
import type { Person } from "./support/browser";
import { letTimePass } from "./support/clock";
import { Stage } from "./support/stage";

/** In milliseconds. An alarm rings again after 24 s. */
const NEXT_RING = 26_000;
const EVERYWHERE = 2_000;

const stage = new Stage();

test("30: the first message after the sign-in rings; without a gesture since loading, the page shows that sound is off", async () => {
  const guest = await stage.guest("Emil Novak");
  const person = await stage.arrive();
  await recordAttention(person);
  await person.signIn("reception", "/inbox/with_us");
  const soundOff = person.page.getByRole("button", { name: "Sound is off, click here" });
  expect(await soundsOf(person.page)).toBe(0);
  await guest.write("Can somebody help me?");
  await expect.poll(() => soundsOf(person.page)).toBe(1);
  expect(await soundOff.isVisible()).toBe(false);

  const lookAt = await looker(person.page);
  await person.page.reload();
  await expect.poll(() => lookAt<boolean>("document.body.innerText.includes('Sound is off, click here')")).toBe(true);
  await guest.write("Hello?");
  await expect.poll(() => lookAt<boolean>("document.body.innerText.includes('Hello?')")).toBe(true);
  expect(await lookAt<number>("window.recorded.notes")).toBe(0);
  await soundOff.click();
  await soundOff.waitFor({ state: "hidden" });
  await guest.write("Is anybody there?");
  await expect.poll(() => soundsOf(person.page)).toBe(1);
});

test("31: only one of two tabs rings, not for the conversation on screen, and again until a colleague takes the conversation", async () => {
  const [guest, onScreen] = [await stage.guest("Paula Reyes"), await stage.guest("Otto Lang")];
  const person = await listener("reception");
  const second = await person.context.newPage();
  await second.goto(`${stage.server.base}/inbox/with_us`);
  await person.waitForInbox(second);
  await second.getByRole("heading", { name: "With us" }).click();
  const pages = [person.page, second] as const;

  await person.open(onScreen.id);
  const before = await soundsOf(...pages);
  await onScreen.write("You see this one");
  await person.log.getByText("You see this one").waitFor();
  await second.getByRole("listitem").getByText("You see this one").waitFor();
  await person.context.clock.fastForward(NEXT_RING);
  expect(await soundsOf(...pages)).toBe(before);

  await guest.write("Nobody sees this one");
  await expect.poll(() => soundsOf(...pages)).toBe(before + 1);
  await person.context.clock.fastForward(NEXT_RING);
  await expect.poll(() => soundsOf(...pages)).toBe(before + 2);

  const manager = await stage.api("manager");
  const { id } = await manager.get<{ id: number }>("../auth/me/");
  await manager.post(`conversations/${guest.id}/assign/`, { staff_id: id });
  for (const page of pages) await page.getByRole("listitem").getByRole("link", { name: /Paula Reyes.*owner Hotel Manager/ }).waitFor();
  await person.context.clock.fastForward(NEXT_RING);
  await person.context.clock.fastForward(NEXT_RING);
  expect(await soundsOf(...pages)).toBe(before + 2);
});

test("31: an overdue answer rings for the whole department until somebody takes the conversation", async () => {
  const guest = await stage.guest(`Rosa Vidal ${Date.now()}`, { department: "Restaurant" });
  const [person, elsewhere] = [await listener("restaurant"), await listener("maintenance")];
  const manager = await stage.api("manager");
  const me = await manager.get<{ id: number }>("../auth/me/");
  await manager.post(`conversations/${guest.id}/assign/`, { staff_id: me.id });
  await person.page.getByRole("listitem").getByRole("link", { name: new RegExp(`${guest.name}.*owner Hotel Manager`) }).waitFor();
  await guest.write("Is the table by the window free?");
  await person.row(guest.name).getByText("Is the table").first().waitFor();
  const before = await soundsOf(person.page);

  // The owner does not answer in time.
  const departments = await manager.get<{ results: { id: number; name: string }[] }>("departments/");
  const restaurant = departments.results.find(({ name }) => name === "Restaurant");
  // Guests of the demo would be overdue, too.
  const waiting = await manager.get<{ results: { id: number }[] }>(`conversations/?department=${restaurant?.id}&waiting=true`);
  for (const { id } of waiting.results) if (id !== guest.id) await manager.post(`conversations/${id}/handled/`);
  await manager.patch(`departments/${restaurant?.id}/`, { first_response_minutes: 1 });
  stage.server.setClock(70);
  await expect.poll(() => soundsOf(person.page)).toBe(before + 1);
  // The clock of the browser is not that of the server.
  await person.context.clock.fastForward(70_000);
  await expect.poll(() => soundsOf(person.page)).toBe(before + 2);
  await person.page.getByRole("listitem").getByRole("link", { name: new RegExp(`${guest.name}.*overdue since`) }).waitFor();
  expect(await soundsOf(elsewhere.page)).toBe(0);

  await person.row(guest.name).click();
  await person.page.getByRole("main").getByRole("button", { name: /^Owner/ }).click();
  await person.page.getByRole("menuitem", { name: /Take it/ }).click();
  await person.page.getByRole("link", { name: "Mine" }).click();
  await person.context.clock.fastForward(NEXT_RING);
  await person.context.clock.fastForward(NEXT_RING);
  expect(await soundsOf(person.page)).toBe(before + 2);
});

test("32: title, badge and notification disappear on all devices once the message is read on one", async () => {
  const guest = await stage.guest("Nils Aho", { department: "Maintenance" });
  const settings = await stage.api("maintenance");
  await settings.patch("me/settings/", { notifications: true });
  const devices = [await listener("maintenance"), await listener("maintenance")] as const;
  const [desk, telephone] = devices;
  const { message_id: seen } = await guest.write("Good day");
  await settings.post(`conversations/${guest.id}/read/`, { message_id: seen });
  for (const device of devices) {
    await device.row(guest.name).getByText("Good day", { exact: true }).waitFor();
    await expect.poll(() => device.row(guest.name).innerText()).not.toContain("unread");
  }
  const counts = await Promise.all(devices.map(({ page }) => badgeOf(page)));
  for (const { page } of devices) await setFocused(page, false);

  await guest.write("The heating is cold");
  for (const [index, { page }] of devices.entries()) {
    await expect.poll(() => page.title()).toContain("Nils Aho: The heating is cold");
    await expect.poll(() => badgeOf(page)).toBe(counts[index]! + 1);
    await expect.poll(() => notificationsOf(page)).toEqual([expect.stringContaining("Nils Aho")]);
    expect(await page.locator('link[rel="icon"]').getAttribute("href")).toContain("waiting");
  }

  await setFocused(telephone.page, true);
  await telephone.row(guest.name).click();
  await telephone.log.getByText("The heating is cold").waitFor();
  await Promise.all(
    devices.map(async ({ page }, index) => {
      await expect.poll(() => page.title(), { timeout: EVERYWHERE }).not.toContain("Nils Aho");
      await expect.poll(() => badgeOf(page), { timeout: EVERYWHERE }).toBe(counts[index]);
      await expect.poll(() => notificationsOf(page), { timeout: EVERYWHERE }).toEqual([]);
    }),
  );
  expect(await desk.row(guest.name).innerText()).not.toContain("unread");
});

test("6: a conversation that is routed away leaves one list and appears in the other, with a sound there only", async () => {
  const guest = await stage.guest("Olga Petrova", { department: "Housekeeping" });
  const [from, to] = [await listener("housekeeping"), await listener("maintenance")];
  await from.row(guest.name).waitFor();
  expect(await to.row(guest.name).count()).toBe(0);
  await stage.transfer(guest.id, "Maintenance");
  await Promise.all([from.row(guest.name).waitFor({ state: "hidden", timeout: 3_000 }), to.row(guest.name).waitFor({ timeout: 3_000 })]);
  await expect.poll(() => soundsOf(to.page)).toBe(1);
  expect(await soundsOf(from.page)).toBe(0);
});

/** Returns a person at the list of all conversations, with recorded sounds and notifications. */
async function listener(username: string): Promise<Person> {
  const person = await stage.arrive();
  await recordAttention(person);
  await letTimePass(person);
  await person.signIn(username, "/inbox/with_us");
  return person;
}
