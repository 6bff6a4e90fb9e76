import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { Stage } from "./support/stage";

const stage = new Stage();

test("7, 8: the order is frozen under the pointer and the focus, and a click opens the guest that is seen", async () => {
  const guests = [];
  for (let index = 0; index < 10; index += 1) guests.push(await stage.guest(`Guest ${String.fromCharCode(65 + index)}`));
  const person = await stage.desk("reception");
  await person.page.goto(`${stage.server.base}/inbox/with_us`);
  const chosen = guests[7]!;
  await person.row(chosen.name).hover();
  const before = await person.row(chosen.name).boundingBox();

  for (const guest of guests) if (guest !== chosen) await guest.write("The newest words");
  await expect.poll(() => person.page.getByRole("listitem").getByText("The newest words").count()).toBe(9);
  expect(await person.row(chosen.name).boundingBox()).toEqual(before);
  await person.page.mouse.down();
  await person.page.mouse.up();
  await person.log.getByText(`this is ${chosen.name}`).waitFor();

  // The focus holds the order too, and stays on its guest when the order is applied.
  await person.row(chosen.name).focus();
  await person.page.mouse.move(1_000, 400);
  await guests[0]!.write("Once more");
  await person.page.getByRole("listitem").getByText("Once more").waitFor();
  const place = async (): Promise<number> => (await order(person)).findIndex((name) => name.includes(chosen.name));
  const frozen = await place();
  await person.page.getByRole("button", { name: /conversations? moved/ }).click();
  await expect.poll(place).toBeGreaterThan(frozen);
  await person.row(chosen.name).focus();
  for (const guest of guests.slice(0, 3)) await guest.write("Later words");
  await expect.poll(() => person.page.getByRole("listitem").getByText("Later words").count()).toBe(3);
  expect(await person.row(chosen.name).evaluate((row) => row === document.activeElement)).toBe(true);
});

test("6: a conversation that is routed away leaves one list and appears in the other", async () => {
  const guest = await stage.guest("Olga Petrova", { department: "Housekeeping" });
  const [from, to] = [await stage.desk("housekeeping"), await stage.desk("maintenance")];
  for (const person of [from, to]) await person.page.goto(`${stage.server.base}/inbox/with_us`);
  await from.row(guest.name).waitFor();
  expect(await to.row(guest.name).count()).toBe(0);
  await stage.transfer(guest.id, "Maintenance");
  await Promise.all([from.row(guest.name).waitFor({ state: "hidden", timeout: 3_000 }), to.row(guest.name).waitFor({ timeout: 3_000 })]);
});

test("5: for different people every count equals its rows and the server's count, before and after many moves", async () => {
  const guests = [];
  for (let index = 0; index < 6; index += 1) guests.push(await stage.guest(`Mover ${index}`));
  const names = ["manager", "reception", "housekeeping"];
  const people = await Promise.all(names.map((name) => stage.desk(name)));
  await compareCounts(people, names);

  const manager = await stage.api("manager");
  const departments = ["Reception", "Housekeeping", "Maintenance"];
  const staff = (await manager.get<{ results: { id: number }[] }>("staff/")).results.map(({ id }) => id);
  const moves = [
    (id: number, step: number) => stage.transfer(id, departments[step % 3]!),
    (id: number, step: number) => manager.post(`conversations/${id}/assign/`, { staff_id: staff[step % staff.length] }),
    (id: number) => manager.post(`conversations/${id}/close/`),
    (id: number) => manager.post(`conversations/${id}/reopen/`),
    (id: number) => manager.post(`conversations/${id}/end_relay/`),
  ];
  // Every move meets every guest in another state; what a state forbids is refused and changes nothing.
  for (let step = 0; step < 60; step += 1) {
    await moves[step % moves.length]!(guests[step % guests.length]!.id, step).catch(() => undefined);
  }
  await compareCounts(people, names);
}, 60_000);

async function order(person: Person): Promise<string[]> {
  return await person.page.getByRole("region").getByRole("listitem").getByRole("link").evaluateAll((rows) =>
    rows.map((row) => row.getAttribute("aria-label") ?? row.textContent ?? ""),
  );
}

async function compareCounts(people: Person[], names: string[]): Promise<void> {
  for (const [index, person] of people.entries()) {
    const api = await stage.api(names[index]!);
    const counts = await api.get<Record<"mine" | "unassigned" | "unrouted", number>>("conversations/counts/");
    const expected = { Mine: counts.mine, Unassigned: counts.unassigned, Assistant: counts.unrouted };
    for (const [queue, count] of Object.entries(expected)) {
      const link = person.page.getByRole("navigation", { name: "Queues" }).getByRole("link", { name: queue });
      await expect.poll(async () => Number(/(\d+) conversation/.exec(await link.innerText())?.[1] ?? Number.NaN), { message: `${names[index]}: ${queue}` }).toBe(count);
      await link.click();
      await expect.poll(() => rowsOf(person), { message: `${names[index]}: rows of ${queue}` }).toBe(count);
    }
  }
}

async function rowsOf(person: Person): Promise<number> {
  const row = person.page.locator("[aria-setsize]").first();
  return (await row.count()) === 0 ? 0 : Number(await row.getAttribute("aria-setsize"));
}
