import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { Stage } from "./support/stage";

const stage = new Stage();

const HEADER = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
const ROWS = 418;
const WRONG = new Set([17, 88, 200, 418]);

test("39: an import shows the invalid rows before anything is stored; a second import changes nothing", async () => {
  const { page } = await stage.desk("reception");
  const api = await stage.api("manager");
  const stays = async () => (await api.get<{ count: number }>("stays/")).count;
  const before = await stays();
  const file = { name: "stays.csv", mimeType: "text/csv", buffer: Buffer.from(table()) };

  await page.goto(`${stage.server.base}/stays`);
  await page.getByRole("button", { name: "Import", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Import stays" });
  await dialog.locator("input[type=file]").setInputFiles(file);
  await dialog.getByText("418 rows: 414 new, 0 changed, 0 the same, 4 with errors").waitFor();
  expect(await dialog.locator("tbody th").allTextContents()).toEqual([...WRONG].map(String));
  expect(await stays()).toBe(before);

  await dialog.getByRole("button", { name: "Import 414 rows" }).click();
  await dialog.getByText("414 new, 0 changed, 0 the same, 4 not imported").waitFor();
  expect(await stays()).toBe(before + 414);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    dialog.getByRole("button", { name: "Download the 4 failed rows" }).click(),
  ]);
  const failed = (await readFile(await download.path(), "utf8")).trimEnd().split("\r\n");
  expect(failed[0]).toContain(`${HEADER},"error"`);
  expect(failed.slice(1).map((line) => line.split(",")[0])).toEqual([...WRONG].map((row) => `R-${row}`));

  await dialog.getByRole("button", { name: "Another file" }).click();
  await dialog.locator("input[type=file]").setInputFiles(file);
  await dialog.getByText("418 rows: 0 new, 0 changed, 414 the same, 4 with errors").waitFor();
});

test("41: staff members have no access to the screens for managers", async () => {
  const { page } = await stage.desk("housekeeping");
  for (const path of ["/hotel", "/hotel/people", "/hotel/templates"]) {
    await page.goto(stage.server.base + path);
    await page.getByRole("heading", { name: "This page is for managers." }).waitFor();
    expect(await page.locator(`nav a[href="${path}"]`).count()).toBe(0);
  }
  await page.goto(`${stage.server.base}/stays`);
  await page.getByRole("table").waitFor();
  expect(await page.getByRole("button", { name: "Add a stay" }).count()).toBe(0);
});

test("an open form is never overwritten by a colleague's change", async () => {
  const { page } = await stage.desk("reception");
  const api = await stage.api("manager");
  const { results } = await api.get<{ results: { id: number; guest_name: string }[] }>("stays/?search=DEMO-1");
  const [stay] = results;
  if (stay === undefined) throw new Error("the demo has a stay DEMO-1");
  await page.goto(`${stage.server.base}/stays?show=all&search=DEMO-1`);
  await page.getByRole("button", { name: stay.guest_name, exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Room").fill("999");
  await api.patch(`stays/${stay.id}/`, { guest_name: "Alice M. Martin" });
  await dialog.getByText("Changed by a colleague meanwhile.").waitFor();
  expect(await dialog.getByLabel("Room").inputValue()).toBe("999");
  expect(await dialog.getByLabel("Name of the guest").inputValue()).toBe(stay.guest_name);
  await dialog.getByRole("button", { name: "Show" }).click();
  expect(await dialog.getByLabel("Name of the guest").inputValue()).toBe("Alice M. Martin");
});

test("the password of a new colleague is shown once and signs in", async () => {
  const { page } = await stage.desk("manager");
  await page.goto(`${stage.server.base}/hotel/people`);
  await page.getByRole("button", { name: "Add a colleague" }).click();
  const dialog = page.getByRole("dialog", { name: "Add a colleague" });
  await dialog.getByLabel("Name", { exact: true }).fill("Lucía Gómez");
  await dialog.getByLabel("User name").fill("lucia");
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  const password = await page.getByRole("alertdialog").locator("code").textContent();
  await page.getByRole("button", { name: "Done", exact: true }).click();
  await page.getByRole("button", { name: "Lucía Gómez" }).waitFor();

  const lucia = await stage.arrive();
  await lucia.page.goto(stage.server.base);
  await lucia.fillSignIn("lucia", password ?? "");
  await lucia.page.getByRole("navigation", { name: "Queues" }).or(lucia.page.getByLabel("New password")).first().waitFor();
});

test("an API key is shown once, and refused after it is revoked", async () => {
  const { page } = await stage.desk("manager");
  await page.goto(`${stage.server.base}/hotel`);
  await page.getByRole("button", { name: "Add an API key" }).click();
  const dialog = page.getByRole("dialog", { name: "Add an API key" });
  await dialog.getByLabel("Used by").fill("Booking system");
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  const key = await page.getByRole("alertdialog").locator("code").textContent();
  const call = () =>
    fetch(`${stage.server.base}/api/message_manager/stays/`, { headers: { Authorization: `Bearer ${key}` } });
  expect((await call()).status).toBe(200);
  await page.getByRole("button", { name: "Done", exact: true }).click();
  await page.getByRole("button", { name: "Booking system" }).click();
  await page.getByRole("button", { name: "Revoke this key…" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("There are no keys yet.").waitFor();
  expect((await call()).status).toBe(401);
});

function table(): string {
  const rows = Array.from({ length: ROWS }, (_, index) => {
    const row = index + 1;
    const last = WRONG.has(row) ? "2026-01-01" : "2099-01-05";
    return `R-${row},Guest ${row},+346001${String(row).padStart(5, "0")},${row},2099-01-01,${last}`;
  });
  return [HEADER, ...rows].join("\r\n");
}
