import type { Locator } from "playwright-core";
import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { Stage, type Guest } from "./support/stage";

const MOVES = 200;
/** Ends of a snooze. */
const ENDS = [60, 60 * 24].map((minutes) => () => new Date(Date.now() + minutes * 60_000).toISOString());

const stage = new Stage();

test("7, 8: the order is frozen while the pointer or the focus is in the list, and a click opens the guest under the pointer", async () => {
  const guests = [];
  for (let index = 0; index < 10; index += 1) guests.push(await stage.guest(`Guest ${String.fromCharCode(65 + index)}`));
  const person = await stage.arrive();
  await person.context.addInitScript(() => localStorage.setItem("mm.order.with_us", "newest"));
  await person.signIn("reception", "/inbox/with_us");
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
  const guests: Guest[] = [];
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
    (id: number) => manager.post(`conversations/${id}/snooze/`, { until: choose(ENDS)() }),
    (id: number) => manager.post(`conversations/${id}/unsnooze/`),
    (id: number) => manager.post(`conversations/${id}/handled/`),
    (id: number) => guests.find((guest) => guest.id === id)?.write("And now?") ?? Promise.resolve(),
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
  readonly snoozed: number;
  readonly waiting: number;
  readonly departments: readonly { readonly name: string; readonly open: number }[];
}

async function compareCounts(people: Person[], names: string[], hint = ""): Promise<void> {
  await Promise.all(people.map((person, index) => compareCountsOf(person, names[index]!, hint)));
}

async function compareCountsOf(person: Person, name: string, hint: string): Promise<void> {
  const api = await stage.api(name);
  const counts = await api.get<CountsOfApi>("conversations/counts/");
  const expected = new Map([
    ["Mine", counts.mine],
    ["Unassigned", counts.unassigned],
    ["Assistant", counts.unrouted],
    ["Snoozed", counts.snoozed],
  ]);
  const withUs = counts.departments.reduce((sum, { open }) => sum + open, 0);
  // Only managers see exactly the departments; other staff also see conversations assigned to them elsewhere.
  if (name === "manager") expected.set("With us", withUs);
  for (const [queue, count] of expected) {
    const place = `${name}: ${queue} ${hint}`;
    const link = queueLink(person, queue);
    await expect.poll(() => numberOf(link, "conversation"), { message: place }).toBe(count);
    await link.click();
    await expect.poll(() => rowsOf(person), { message: `rows of ${place}` }).toBe(count);
  }
  // A guest also waits in a conversation that a check-out has closed.
  const waiting = async () => {
    const numbers = await Promise.all(["With us", "Assistant", "Done"].map((queue) => numberOf(queueLink(person, queue), "waiting", 0)));
    return numbers.reduce((sum, each) => sum + each, 0);
  };
  await expect.poll(waiting, { message: `${name}: waiting ${hint}` }).toBe(counts.waiting);
}

function queueLink({ page }: Person, queue: string): Locator {
  return page.getByRole("navigation", { name: "Queues" }).getByRole("link", { name: queue });
}

/** Returns the number before a word in the name of a link; `missing` if there is none. */
async function numberOf(link: Locator, word: string, missing = Number.NaN): Promise<number> {
  const [, digits] = new RegExp(`(\\d+) ${word}`).exec(await link.innerText()) ?? [];
  return digits === undefined ? missing : Number(digits);
}

async function rowsOf(person: Person): Promise<number> {
  const row = person.page.locator("[aria-setsize]").first();
  return (await row.count()) === 0 ? 0 : Number(await row.getAttribute("aria-setsize"));
}
