import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { Stage } from "./support/stage";

const stage = new Stage();

interface Figures {
  readonly key: string | number | null;
  readonly name: string | null;
  readonly conversations: number;
  readonly guest_messages: number;
  readonly staff_messages: number;
  readonly missed: number;
}

interface Report {
  readonly total: Figures;
  readonly rows: Figures[];
}

test("the numbers of a report are those of the API, by day, department and person", async () => {
  const guest = await stage.guest("Rita Report");
  const api = await stage.api("reception");
  await api.post(`conversations/${guest.id}/send_message/`, { text: "Good day, Rita." });
  const manager = await stage.api("manager");
  const { page } = await stage.desk("manager");
  await page.getByRole("link", { name: "Reports", exact: true }).click();
  await page.getByRole("heading", { name: "Reports", level: 1 }).waitFor();
  for (const [by, choice] of [["day", "Day"], ["department", "Department"], ["staff", "Person"]] as const) {
    await page.getByRole("radio", { name: choice, exact: true }).click();
    await page.getByRole("columnheader", { name: choice, exact: true }).waitFor();
    const report = await manager.get<Report>(`reports/?by=${by}`);
    expect(report.total.staff_messages).toBeGreaterThan(0);
    const rows = page.getByRole("main").locator("tbody tr");
    await expect.poll(() => rows.count()).toBe(report.rows.length + 1);
    const shown = await rows.evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent ?? "")));
    const ordered = by === "day" ? report.rows.toReversed() : report.rows;
    const counts = [report.total, ...ordered].map((row) => [row.conversations, row.guest_messages, row.staff_messages, row.missed]);
    expect(shown.map((cells) => [1, 2, 3, 7].map((index) => Number((cells[index] ?? "").replaceAll(/\D/g, ""))))).toEqual(counts);
    if (by !== "day") {
      const names = report.rows.map(({ name }) => name ?? (by === "staff" ? "Nobody" : "With the assistant"));
      expect(shown.slice(1).map(([name]) => name)).toEqual(names);
    }
  }
  // The choice is in the URL.
  await page.reload();
  await page.getByRole("columnheader", { name: "Person", exact: true }).waitFor();

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download CSV" }).click(),
  ]);
  const table = (await readFile(await download.path(), "utf8")).trimEnd().split("\n");
  expect(table[0]).toContain("key,name,conversations,guest_messages,staff_messages,");
  const report = await manager.get<Report>("reports/?by=staff");
  const { total } = report;
  expect(table.at(-1)).toContain(`total,,${total.conversations},${total.guest_messages},${total.staff_messages},`);
});

test("a period that the server would refuse is explained and not asked for", async () => {
  const { page } = await stage.desk("manager");
  await page.goto(`${stage.server.base}/reports?from=2026-01-01&to=2026-01-31&by=day`);
  await page.locator("tbody tr").nth(31).waitFor();
  await page.getByLabel("From", { exact: true }).fill("2026-02-01");
  await page.getByText("The last day is before the first.").waitFor();
  await page.getByLabel("From", { exact: true }).fill("2024-01-01");
  await page.getByText("At most 366 days.").waitFor();
  expect(page.url()).toContain("from=2026-01-01");
  await page.getByRole("radio", { name: "7 days" }).click();
  await expect.poll(() => page.locator("tbody tr").count()).toBe(8);
});

test("the audit shows who changed what, and its filters narrow it", async () => {
  const guest = await stage.guest("Aldo Audit");
  const api = await stage.api("manager");
  await api.post(`conversations/${guest.id}/close/`);
  const { page } = await stage.desk("manager");
  await page.getByRole("link", { name: "Audit", exact: true }).click();
  const rows = page.getByRole("main").locator("tbody tr");
  const done = rows.filter({ hasText: "Aldo Audit" }).filter({ hasText: "Done" }).first();
  await done.waitFor();
  expect(await done.textContent()).toContain("Hotel Manager");
  await done.getByRole("button", { name: /^Only this one: / }).click();
  await page.getByRole("button", { name: "Show all conversations" }).waitFor();
  const { count } = await api.get<{ count: number }>(`audit/?conversation_id=${guest.id}`);
  await expect.poll(() => rows.count()).toBe(count);
  await page.getByRole("button", { name: /Action/ }).click();
  await page.getByRole("option", { name: "Transfer", exact: true }).click();
  await expect.poll(() => rows.count()).toBe(1);
  expect(await rows.first().textContent()).toContain("Reception");
  await page.reload();
  await expect.poll(() => rows.count()).toBe(1);
  await rows.first().getByRole("link", { name: "Aldo Audit" }).click();
  await expect.poll(() => page.url()).toContain(`/inbox/with_us/${guest.id}`);
});

test("41: staff members see neither links nor pages of reports and audit", async () => {
  const { page } = await stage.desk("housekeeping");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  for (const path of ["/reports", "/audit"]) {
    await page.goto(stage.server.base + path);
    await page.getByRole("heading", { name: "This page is for managers." }).waitFor();
    expect(await page.locator(`a[href="${path}"]`).count()).toBe(0);
  }
  expect(asked.filter((url) => /message_manager\/(reports|audit)\//.test(url))).toEqual([]);
});
