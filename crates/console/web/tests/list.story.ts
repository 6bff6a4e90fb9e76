import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { Stage } from "./support/stage";

const MOVES = 200;

const stage = new Stage();

test("7, 8: the order is frozen while the pointer or the focus is in the list, and a click opens the guest under the pointer", async () => {
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

  // The focus freezes the order too, and stays on its row when the live order is applied.
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

test("5: for five staff members each count equals its rows and the server's count, before and after 200 changes", async () => {
  const guests = [];
  for (let index = 0; index < 8; index += 1) guests.push(await stage.guest(`Mover ${index}`));
  const names = ["manager", "reception", "housekeeping", "maintenance", "restaurant"];
  const people = await Promise.all(names.map((name) => stage.desk(name)));
  await compareCounts(people, names);

  const manager = await stage.api("manager");
  const departments = ["Reception", "Housekeeping", "Maintenance", "Restaurant"];
  const staff = (await manager.get<{ results: { id: number }[] }>("staff/")).results.map(({ id }) => id);
  const seed = Date.now() % 1_000_000;
  const choose = chooser(seed);
  const moves = [
    (id: number) => stage.transfer(id, choose(departments)),
    (id: number) => manager.post(`conversations/${id}/assign/`, { staff_id: choose(staff) }),
    (id: number) => manager.post(`conversations/${id}/close/`),
    (id: number) => manager.post(`conversations/${id}/reopen/`),
    (id: number) => manager.post(`conversations/${id}/end_relay/`),
  ];
  // The guests are in different states, so some changes are refused; these have no effect.
  for (let step = 0; step < MOVES; step += 1) await choose(moves)(choose(guests).id).catch(() => undefined);
  await compareCounts(people, names, `seed ${seed}`);
}, 180_000);

/** Returns a pseudo-random choice function, reproducible by its seed. */
function chooser(seed: number): <T>(from: readonly T[]) => T {
  let state = seed;
  return (from) => {
    // A linear congruential generator; its high bits are random enough.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return from[Math.floor((state / 2 ** 32) * from.length)]!;
  };
}

async function order(person: Person): Promise<string[]> {
  return await person.page.getByRole("region").getByRole("listitem").getByRole("link").evaluateAll((rows) =>
    rows.map((row) => row.getAttribute("aria-label") ?? row.textContent ?? ""),
  );
}

interface CountsOfApi {
  readonly mine: number;
  readonly unassigned: number;
  readonly unrouted: number;
  readonly departments: readonly { readonly name: string; readonly open: number }[];
}

async function compareCounts(people: Person[], names: string[], hint = ""): Promise<void> {
  await Promise.all(people.map((person, index) => compareCountsOf(person, names[index]!, hint)));
}

async function compareCountsOf(person: Person, name: string, hint: string): Promise<void> {
  const api = await stage.api(name);
  const counts = await api.get<CountsOfApi>("conversations/counts/");
  const expected = new Map([["Mine", counts.mine], ["Unassigned", counts.unassigned], ["Assistant", counts.unrouted]]);
  const withUs = counts.departments.reduce((sum, { open }) => sum + open, 0);
  // Only managers see exactly the departments; other staff also see conversations assigned to them elsewhere.
  if (name === "manager") expected.set("With us", withUs);
  for (const [queue, count] of expected) {
    const place = `${name}: ${queue} ${hint}`;
    const link = person.page.getByRole("navigation", { name: "Queues" }).getByRole("link", { name: queue });
    await expect.poll(async () => Number(/(\d+) conversation/.exec(await link.innerText())?.[1] ?? Number.NaN), { message: place }).toBe(count);
    await link.click();
    await expect.poll(() => rowsOf(person), { message: `rows of ${place}` }).toBe(count);
  }
}

async function rowsOf(person: Person): Promise<number> {
  const row = person.page.locator("[aria-setsize]").first();
  return (await row.count()) === 0 ? 0 : Number(await row.getAttribute("aria-setsize"));
}
