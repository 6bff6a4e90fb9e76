import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { Stage } from "./support/stage";

const HOUR = 3_600;
/** The server acts within 5 s of a due time. */
const SOON = { timeout: 15_000 };

const stage = new Stage();
let attempts = 0;

/** Returns a name that no earlier attempt of a story has used. */
function nameFor(guest: string): string {
  attempts += 1;
  return `${guest} the ${attempts}.`;
}

test("a queue shows who waits longest first, remembers another order, and names what amber and red mean", async () => {
  await setTarget("Housekeeping", 20);
  const [first, second] = [await stage.guest(nameFor("Iris Berg"), { department: "Housekeeping" }), await stage.guest(nameFor("Jon Vik"), { department: "Housekeeping" })];
  await first.write("Still here");
  const person = await stage.desk("housekeeping");
  await person.page.goto(`${stage.server.base}/inbox/with_us`);
  await person.row(first.name).waitFor();
  const order = async () => {
    const names = await person.page.getByRole("listitem").getByRole("link").allInnerTexts();
    return names.map((name) => (name.includes(first.name) ? "first" : name.includes(second.name) ? "second" : "")).filter(Boolean);
  };
  expect(await order()).toEqual(["first", "second"]);
  await expect.poll(() => person.row(first.name).innerText()).toContain("waiting 0 minutes");
  await expect.poll(() => queue(person, "With us")).toContain("waiting");

  await person.page.getByRole("button", { name: "Order: Waiting longest first" }).click();
  await person.page.getByRole("menuitem", { name: "Newest first" }).click();
  await person.page.mouse.move(1_000, 400);
  await expect.poll(order).toEqual(["first", "second"]);
  await second.write("Me too");
  await expect.poll(order).toEqual(["second", "first"]);
  await person.page.reload();
  await person.row(first.name).waitFor();
  expect(await order()).toEqual(["second", "first"]);

  const later = await stage.arrive();
  await later.context.clock.install({ time: Date.now() + 17 * 60_000 });
  await later.signIn("housekeeping", "/inbox/with_us");
  await expect.poll(() => later.row(first.name).innerText()).toMatch(/waiting 17 minutes, answer due by \d\d:\d\d/);
  await later.context.clock.fastForward(4 * 60_000);
  await expect.poll(() => later.row(first.name).innerText()).toMatch(/waiting 21 minutes, overdue since \d\d:\d\d/);
  await expect.poll(() => queue(later, "With us")).toContain("an answer is overdue");

  await (await stage.api("housekeeping")).post(`conversations/${first.id}/send_message/`, { text: "We are coming." });
  await expect.poll(() => person.row(first.name).innerText()).not.toContain("waiting");
});

test("a snoozed conversation is in the queue Snoozed only, for everybody, and returns when it is due, woken up, or written to", async () => {
  const guest = await stage.guest(nameFor("Karin Holt"), { department: "Maintenance" });
  const [person, colleague] = [await stage.desk("maintenance"), await stage.desk("manager")];
  for (const each of [person, colleague]) {
    await each.page.goto(`${stage.server.base}/inbox/with_us`);
    await each.row(guest.name).waitFor();
  }
  const isIn = async (each: Person, name: string) => {
    await each.page.getByRole("navigation", { name: "Queues" }).getByRole("link", { name }).click();
    await each.page.mouse.move(1_000, 500);
    return (await each.row(guest.name).count()) === 1;
  };

  await snooze(person, guest.name, /^In an hour/);
  await person.page.getByText(/^Snoozed until/).waitFor();
  for (const each of [person, colleague]) {
    await expect.poll(() => isIn(each, "Snoozed")).toBe(true);
    expect(await isIn(each, "With us")).toBe(false);
    expect(await isIn(each, "Unassigned")).toBe(false);
  }

  await person.open(guest.id, "snoozed");
  await person.page.getByRole("main").getByRole("button", { name: "Wake up" }).click();
  for (const each of [person, colleague]) await expect.poll(() => isIn(each, "With us")).toBe(true);

  await snooze(person, guest.name, /^Tomorrow morning/);
  await expect.poll(() => isIn(colleague, "Snoozed")).toBe(true);
  await guest.write("I have one more question");
  for (const each of [person, colleague]) await expect.poll(() => isIn(each, "With us")).toBe(true);

  await snooze(person, guest.name, /^In an hour/);
  await expect.poll(() => isIn(colleague, "Snoozed")).toBe(true);
  stage.server.setClock(HOUR + 60);
  for (const each of [person, colleague]) await expect.poll(() => isIn(each, "With us"), SOON).toBe(true);
});

test("a snooze is shown at once, and taken back with a sentence if it is refused", async () => {
  const guest = await stage.guest(nameFor("Lars Moen"));
  const person = await stage.desk("reception");
  const { page } = person;
  await page.goto(`${stage.server.base}/inbox/with_us`);
  await person.row(guest.name).waitFor();
  const answers: (() => void)[] = [];
  await page.route("**/snooze/", async (route) => {
    await new Promise<void>((resolve) => answers.push(resolve));
    const problem = { type: "about:blank", title: "Conflict", status: 409, code: "conversation_closed", detail: "The conversation is closed." };
    await route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify(problem) });
  });
  await snooze(person, guest.name, /^In an hour/);
  await page.getByText(/^Snoozed until/).waitFor();
  await person.row(guest.name).waitFor({ state: "hidden" });
  answers[0]?.();
  await page.getByText("The conversation is closed.").waitFor();
  await person.row(guest.name).waitFor();
  expect(await page.getByText(/^Snoozed until/).count()).toBe(0);
});

test("opening hours, the answer target and the quiet hours are saved, with errors at their fields", async () => {
  const { page } = await stage.desk("manager");
  await page.goto(`${stage.server.base}/hotel/people`);
  await page.getByRole("tab", { name: "Departments" }).click();
  await page.getByRole("button", { name: "Reception", exact: true }).click();
  const dialog = page.getByRole("dialog");
  const target = dialog.getByLabel("Answer within (minutes)");
  await target.fill("100000");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect.poll(() => target.getAttribute("aria-invalid")).toBe("true");
  await target.fill("15");

  await dialog.getByText("Always open", { exact: true }).click();
  const monday = dialog.getByRole("listitem", { name: "Monday" });
  await monday.getByRole("button", { name: "Monday: Add hours" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await monday.getByText("Choose both times.").waitFor();
  const from = monday.getByLabel("Monday: From");
  const to = monday.getByLabel("Monday: to");
  for (const [index, [start, end]] of [["07:00", "11:30"], ["18:00", "02:00"]].entries()) {
    await from.nth(index).fill(start!);
    await to.nth(index).fill(end!);
  }
  await monday.getByText("until the next day").waitFor();
  await monday.getByRole("button", { name: "Copy Monday to all days" }).click();
  await dialog.getByRole("listitem", { name: "Sunday" }).getByRole("button", { name: /^Remove.*18:00/ }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "hidden" });

  const manager = await stage.api("manager");
  const { results } = await manager.get<{ results: { name: string; first_response_minutes: number; opening_hours: unknown }[] }>("departments/");
  const both = [["07:00", "11:30"], ["18:00", "02:00"]];
  const reception = results.find(({ name }) => name === "Reception");
  expect(reception?.first_response_minutes).toBe(15);
  expect(reception?.opening_hours).toEqual({ mon: both, tue: both, wed: both, thu: both, fri: both, sat: both, sun: [["07:00", "11:30"]] });

  await page.goto(`${stage.server.base}/hotel`);
  await page.getByText("Quiet hours", { exact: true }).click();
  await page.getByLabel("Quiet hours: to").fill("07:30");
  const form = page.locator("form").filter({ has: page.getByLabel("Quiet hours: to") });
  await form.getByRole("button", { name: "Save" }).click();
  await expect.poll(async () => (await manager.get<{ quiet_hours: unknown }>("hotel/")).quiet_hours).toEqual(["22:00", "07:30"]);
});

test("the departments of a colleague are ordered by dragging, and by buttons", async () => {
  const manager = await stage.api("manager");
  const { results: departments } = await manager.get<{ results: { id: number; name: string }[] }>("departments/");
  const staff = await manager.post<{ id: number }>("staff/", {
    username: "all-rounder",
    name: "Ada Allround",
    role: "staff",
    password: "a-long-password-1",
    department_ids: departments.map(({ id }) => id),
  });
  const { page } = await stage.desk("manager");
  await page.goto(`${stage.server.base}/hotel/people`);
  await page.getByRole("button", { name: "Ada Allround" }).click();
  const list = page.getByRole("dialog").getByRole("list").first();
  const names = async () => (await list.getByRole("listitem").locator("bdi").allTextContents()).map((name) => name.trim());
  const before = await names();
  expect(before).toHaveLength(4);

  const handle = list.getByRole("listitem").nth(0).locator("[data-handle]");
  const last = await list.getByRole("listitem").nth(2).boundingBox();
  await handle.hover();
  await page.mouse.down();
  await page.mouse.move(last!.x + 20, last!.y + last!.height / 2, { steps: 8 });
  await page.mouse.up();
  const dragged = [before[1], before[2], before[0], before[3]];
  expect(await names()).toEqual(dragged);

  await handle.hover();
  await page.mouse.down();
  await page.mouse.move(last!.x + 20, last!.y + last!.height / 2, { steps: 8 });
  await page.keyboard.press("Escape");
  await page.mouse.up();
  expect(await names()).toEqual(dragged);

  await page.getByRole("button", { name: new RegExp(`Move .*${before[3]}.* up`) }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  const { results } = await manager.get<{ results: { id: number; department_ids: number[] }[] }>("staff/");
  const stored = results.find(({ id }) => id === staff.id)?.department_ids.map((id) => departments.find((each) => each.id === id)?.name);
  expect(stored).toEqual([before[1], before[2], before[3], before[0]]);
});

/** Snoozes the conversation of a guest in the list, with the menu of its thread. */
async function snooze(person: Person, guest: string, choice: RegExp): Promise<void> {
  await person.page.getByRole("navigation", { name: "Queues" }).getByRole("link", { name: "With us" }).click();
  await person.row(guest).click();
  await person.page.getByRole("main").getByRole("button", { name: "More actions", exact: true }).click();
  await person.page.getByRole("menuitem", { name: "Snooze…" }).click();
  await person.page.getByRole("dialog").getByRole("button", { name: choice }).click();
  await person.page.mouse.move(1_000, 500);
}

async function setTarget(department: string, minutes: number): Promise<void> {
  const manager = await stage.api("manager");
  const { results } = await manager.get<{ results: { id: number; name: string }[] }>("departments/");
  await manager.patch(`departments/${results.find(({ name }) => name === department)?.id}/`, { first_response_minutes: minutes });
}

async function queue({ page }: Person, name: string): Promise<string> {
  return await page.getByRole("navigation", { name: "Queues" }).getByRole("link", { name }).innerText();
}
