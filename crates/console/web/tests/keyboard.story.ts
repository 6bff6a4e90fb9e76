import type { Locator } from "playwright-core";
import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { Stage } from "./support/stage";

const stage = new Stage();

interface State {
  readonly status: string;
  readonly department_name: string | null;
  readonly assigned_to: { readonly name: string } | null;
}

test("23: signing in, answering, assigning, transferring, closing and reopening work by keyboard alone", async () => {
  const guest = await stage.guest("Anton Meyer");
  const manager = await stage.api("manager");
  const state = () => manager.get<State>(`conversations/${guest.id}/`);
  const person = await stage.arrive();
  const { page } = person;
  const { keyboard } = page;

  await page.goto(stage.server.base);
  await tabTo(person, page.getByRole("textbox", { name: "User name" }));
  await keyboard.type("manager");
  await tabTo(person, page.getByLabel("Password", { exact: true }));
  await keyboard.type(stage.server.password);
  await keyboard.press("Enter");
  await person.waitForInbox();

  await tabTo(person, page.getByRole("navigation", { name: "Queues" }).getByRole("link", { name: "With us" }));
  await keyboard.press("Enter");
  await person.row(guest.name).waitFor();
  await tabTo(person, page.getByRole("listitem").getByRole("link").first());
  for (let step = 0; step < 10 && !(await hasFocus(person.row(guest.name))); step += 1) await keyboard.press("ArrowDown");
  await keyboard.press("Enter");
  await person.log.getByText("this is Anton Meyer").waitFor();
  await expect.poll(() => person.boxHasFocus()).toBe(true);

  await keyboard.type("At once");
  await keyboard.press("Enter");
  await person.log.getByText("At once").waitFor();
  await keyboard.press("Control+Shift+L");
  await keyboard.type("Wants a quiet room");
  await keyboard.press("Enter");
  await person.log.getByText("Only for colleagues").waitFor();
  await keyboard.press("Control+Shift+L");

  await keyboard.press("Control+Shift+M");
  await expect.poll(async () => (await state()).assigned_to?.name).toBe("Hotel Manager");
  await keyboard.press("Control+Shift+A");
  await chooseByArrows(person, page.getByRole("menuitem", { name: "Reception Staff" }));
  await expect.poll(async () => (await state()).assigned_to?.name).toBe("Reception Staff");

  await keyboard.press("Control+Shift+F");
  const dialog = page.getByRole("dialog", { name: "Transfer Anton Meyer" });
  await dialog.waitFor();
  const maintenance = dialog.getByRole("radio", { name: "Maintenance" });
  await tabTo(person, dialog.getByRole("radio").first());
  for (let step = 0; step < 10 && !(await maintenance.isChecked()); step += 1) await keyboard.press("ArrowDown");
  await tabTo(person, dialog.getByRole("button", { name: "Transfer", exact: true }));
  await keyboard.press("Enter");
  await expect.poll(async () => (await state()).department_name).toBe("Maintenance");
  await dialog.waitFor({ state: "hidden" });

  await keyboard.press("Control+Shift+E");
  await expect.poll(async () => (await state()).status).toBe("closed");
  await tabTo(person, page.getByRole("main").getByRole("button", { name: "Reopen" }).first());
  await keyboard.press("Enter");
  await expect.poll(async () => (await state()).status).toBe("relay");
});

async function tabTo(person: Person, target: Locator): Promise<void> {
  await target.waitFor();
  for (let step = 0; step < 60; step += 1) {
    if (await hasFocus(target)) return;
    await person.page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${String(target)}`);
}

async function chooseByArrows(person: Person, item: Locator): Promise<void> {
  await item.waitFor();
  for (let step = 0; step < 20 && !(await hasFocus(item)); step += 1) await person.page.keyboard.press("ArrowDown");
  await person.page.keyboard.press("Enter");
}

async function hasFocus(target: Locator): Promise<boolean> {
  return await target.evaluate((element) => element === document.activeElement);
}
