import { expect, test } from "vitest";

import type { Api } from "./support/api";
import { Stage } from "./support/stage";

const stage = new Stage();

interface StayOfApi {
  readonly id: number;
  readonly linked: boolean;
  readonly conversation_id: number | null;
}

/** A stay of today without telephone number. */
async function book(manager: Api, code: string, name: string, room: string): Promise<StayOfApi> {
  const [today, later] = [0, 3].map((days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10));
  return await manager.post<StayOfApi>("stays/", {
    reservation_code: code,
    guest_name: name,
    room_number: room,
    check_in: today,
    check_out: later,
  });
}

test("a guest without booking is linked to a stay with one choice, and unlinked again", async () => {
  const manager = await stage.api("manager");
  const stay = await book(manager, "LINK-1", "Nina Weber", "512");
  const guest = await stage.guest("Nina");
  const { page, open } = await stage.desk("reception").then((person) => ({ page: person.page, open: person.open.bind(person) }));
  await open(guest.id);
  const card = page.getByRole("complementary", { name: "Guest card" });
  await card.getByText("No stay is known.").waitFor();
  await card.getByRole("button", { name: "Link to a stay" }).click();
  // Current stays are offered at once; the focus is in the search.
  await page.getByRole("menuitem").first().waitFor();
  await page.keyboard.type("weber");
  await expect.poll(() => page.getByRole("menuitem").allTextContents()).toEqual([expect.stringContaining("Nina Weber")]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await card.getByText("Room 512").first().waitFor();
  await card.getByText("Linked by a colleague").waitFor();
  await card.getByText("Linked to the stay").waitFor();
  const linked = await manager.get<StayOfApi>(`stays/${stay.id}/`);
  expect(linked).toMatchObject({ linked: true, conversation_id: guest.id });

  await card.getByRole("button", { name: "Unlink" }).click();
  await card.getByText("No stay is known.").waitFor();
  expect(await manager.get<StayOfApi>(`stays/${stay.id}/`)).toMatchObject({ linked: false, conversation_id: null });
});

test("a stay that has a conversation keeps it, and the card shows where new messages go", async () => {
  const manager = await stage.api("manager");
  const stay = await book(manager, "LINK-2", "Otto Berg", "613");
  const [first, second] = [await stage.guest("Otto"), await stage.guest("Olga")];
  await manager.post(`conversations/${first.id}/link_stay/`, { stay_id: stay.id });
  const person = await stage.desk("reception");
  await person.open(second.id);
  const card = person.page.getByRole("complementary", { name: "Guest card" });
  await card.getByRole("button", { name: "Link to a stay" }).click();
  await person.page.keyboard.type("613");
  await person.page.getByRole("menuitem", { name: /Otto Berg/ }).click();
  await card.getByRole("link", { name: "New messages go to the conversation of room 613." }).click();
  await expect.poll(() => new URL(person.page.url()).pathname).toMatch(new RegExp(`^/inbox/[a-z_]+/${first.id}$`, "u"));
  await second.write("Is the pool open?");
  await person.log.getByText("Is the pool open?").waitFor();
});

test("only stay handlers link", async () => {
  const guest = await stage.guest("Paula", { department: "Housekeeping" });
  const person = await stage.desk("housekeeping");
  await person.open(guest.id);
  const card = person.page.getByRole("complementary", { name: "Guest card" });
  await card.getByText("No stay is known.").waitFor();
  expect(await card.getByRole("button", { name: "Link to a stay" }).count()).toBe(0);
});

test("values for templates are edited on the hotel's screen", async () => {
  const { page } = await stage.desk("manager");
  const manager = await stage.api("manager");
  await page.goto(`${stage.server.base}/hotel`);
  const section = page.getByRole("region", { name: "Values for templates" });
  await section.getByRole("button", { name: "Add a value" }).click();
  await page.keyboard.type("pool_hours");
  await page.keyboard.press("Tab");
  await page.keyboard.type("8:00 to 20:00");
  await section.getByRole("button", { name: "Save" }).click();
  await section.getByText("Saved").waitFor();
  const { variables } = await manager.get<{ variables: Record<string, string> }>("hotel/");
  expect(variables).toMatchObject({ pool_hours: "8:00 to 20:00", wifi_name: "Seaside Guest" });
  // The other form on the screen is not affected.
  expect(await page.getByText("Changed by a colleague meanwhile.").count()).toBe(0);

  await section.getByRole("button", { name: /^Remove .?pool_hours/u }).click();
  await section.getByRole("button", { name: "Add a value" }).click();
  await page.keyboard.type("guest_name");
  await page.keyboard.press("Tab");
  await page.keyboard.type("Nobody");
  await section.getByRole("button", { name: "Save" }).click();
  await section.getByText("The name guest_name is a placeholder already.").waitFor();
});
