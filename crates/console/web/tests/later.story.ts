import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { Stage } from "./support/stage";

const stage = new Stage();
/** Seconds by which the server's clock is ahead, more with each story. */
let ahead = 0;

/** Moves the server's clock until after the time of everything that was scheduled for "in an hour". */
function passAnHour(): void {
  ahead += 3_700;
  stage.server.setClock(ahead);
}

/** Returns a person whose browser's clock is the server's. */
async function desk(username: string): Promise<Person> {
  const person = await stage.arrive();
  await person.context.clock.install({ time: Date.now() + ahead * 1_000 });
  await person.signIn(username);
  return person;
}

const list = ({ page }: Person) => page.getByRole("region", { name: "To be sent later" });

async function sendInAnHour(person: Person, text: string): Promise<void> {
  await person.box.click();
  await person.page.keyboard.type(text);
  await person.page.getByRole("button", { name: "Send later" }).click();
  await person.page.getByRole("menuitem", { name: "In an hour" }).click();
  await list(person).getByText(text).waitFor();
}

async function count(id: number, text: string): Promise<number> {
  return (await stage.texts(id)).filter((content) => content === text).length;
}

test("a message that is scheduled stands in the thread once, at its time", async () => {
  const guest = await stage.guest("Nora Lindt");
  const person = await desk("reception");
  const colleague = await desk("manager");
  await person.open(guest.id);
  await colleague.open(guest.id);
  await sendInAnHour(person, "Your taxi is here.");
  expect(await person.box.inputValue()).toBe("");
  await expect.poll(() => person.boxHasFocus()).toBe(true);
  expect(await person.log.getByText("Your taxi is here.").count()).toBe(0);
  // The colleague sees it, and who wrote it; only its author can change the text.
  await list(colleague).getByText("Your taxi is here.").waitFor();
  await list(colleague).getByRole("button", { name: "Change" }).click();
  const dialog = colleague.page.getByRole("dialog");
  await dialog.getByLabel("When").waitFor();
  expect(await dialog.getByLabel("Text").count()).toBe(0);
  await colleague.page.keyboard.press("Escape");
  await list(person).getByRole("button", { name: "Change" }).click();
  await person.page.getByRole("dialog").getByLabel("Text").fill("Your taxi is at the door.");
  await person.page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await list(colleague).getByText("Your taxi is at the door.").waitFor();
  passAnHour();
  for (const each of [person, colleague]) {
    await each.log.getByText("Your taxi is at the door.").waitFor();
    await list(each).waitFor({ state: "detached" });
  }
  await person.log.getByText(/^Scheduled for/).first().waitFor({ state: "attached" });
  expect(await count(guest.id, "Your taxi is at the door.")).toBe(1);
  expect(await person.log.getByText("Your taxi is at the door.").count()).toBe(1);
});

test("if the guest writes before, staff look again before it is sent", async () => {
  const guest = await stage.guest("Emil Sander");
  const person = await desk("reception");
  await person.open(guest.id);
  await sendInAnHour(person, "Dinner at eight, as you wished.");
  await guest.write("Better at nine, please.");
  await list(person).getByText("Emil Sander has written since. Is this still right?").waitFor();
  passAnHour();
  // It waits for the confirmation also after its time.
  await person.page.waitForTimeout(3_000);
  expect(await count(guest.id, "Dinner at eight, as you wished.")).toBe(0);
  await list(person).getByRole("button", { name: /^Send/ }).click();
  await person.log.getByText("Dinner at eight, as you wished.").waitFor();
  await list(person).waitFor({ state: "detached" });
  expect(await count(guest.id, "Dinner at eight, as you wished.")).toBe(1);
});

test("a cancelled text can be put back, and an empty box has nothing to schedule", async () => {
  const guest = await stage.guest("Ida Berg");
  const person = await desk("reception");
  await person.open(guest.id);
  await person.page.getByRole("button", { name: "Send later" }).click();
  await person.page.getByRole("menuitem", { name: "Another time" }).click();
  await person.page.getByText("Write a text first.").waitFor();
  expect(await person.page.getByLabel("When").count()).toBe(0);
  await sendInAnHour(person, "The sauna is warm.");
  await list(person).getByRole("button", { name: "Cancel" }).click();
  await list(person).waitFor({ state: "detached" });
  await person.page.getByRole("button", { name: "Put back in the box" }).click();
  await expect.poll(() => person.box.inputValue()).toBe("The sauna is warm.");
  passAnHour();
  await person.page.waitForTimeout(3_000);
  expect(await count(guest.id, "The sauna is warm.")).toBe(0);
});
