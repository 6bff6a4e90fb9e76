import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { Stage } from "./support/stage";

const stage = new Stage();

test("2: a wrong password shows an error, and the focus is in the password field", async () => {
  const { page } = await stage.arrive();
  await page.goto(stage.server.base);
  await page.getByRole("textbox", { name: "User name" }).fill("reception");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").getByText("User name or password is wrong.").waitFor();
  await expect.poll(() => focusedField(page)).toBe("password");
});

test("2: after too many attempts the form shows the waiting time", async () => {
  const person = await stage.arrive();
  await person.page.goto(stage.server.base);
  const refusal = person.page.getByRole("alert");
  await expect
    .poll(
      async () => {
        await person.fillSignIn("restaurant", "wrong");
        await refusal.waitFor();
        return await refusal.innerText();
      },
      { timeout: 30_000 },
    )
    .toMatch(/^Too many attempts\. Try again in \d+ (second|minute)s?\.$/);
  await expect.poll(() => focusedField(person.page)).toBe("username");
});

test("2: a required password change shows the reason, and the errors of the new password", async () => {
  const manager = await stage.api("manager");
  const password = "given by the manager 7";
  await manager.post("staff/", { username: "newcomer", name: "New Comer", password, role: "staff" });
  const person = await stage.arrive();
  const { page } = person;
  // Whether this server asks for it by itself or not.
  let mustChange = true;
  await page.route(/\/api\/auth\/(login|refresh)\/$/, async (route) => {
    const response = await route.fetch();
    if (!response.ok()) return await route.fulfill({ response });
    const answer = (await response.json()) as object;
    await route.fulfill({ response, json: { ...answer, must_change_password: mustChange } });
  });
  page.on("response", (response) => {
    if (response.url().endsWith("/api/auth/password/") && response.ok()) mustChange = false;
  });
  await page.goto(stage.server.base);
  await person.fillSignIn("newcomer", password);
  await page.getByText("Your password was set by somebody else. Choose one that only you know.").waitFor();
  await expect.poll(() => focusedField(page)).toBe("new");
  await page.keyboard.type("short");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText(/at least \d+ characters/).waitFor();
  await expect.poll(() => focusedField(page)).toBe("new");
  await page.getByLabel("New password").fill("known to me alone 8");
  await page.keyboard.press("Enter");
  await person.waitForInbox();
});

test("3: a reload and a second tab need no password, and no storage holds a token", async () => {
  const person = await stage.desk("reception");
  await person.page.reload();
  await person.waitForInbox();
  const second = await person.context.newPage();
  await second.goto(stage.server.base);
  await person.waitForInbox(second);
  const stored = await second.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  expect(stored).not.toMatch(/eyJ|bearer/i);
});

test("4: signing out in one tab signs out the other, and Back shows no guest", async () => {
  const guest = await stage.guest("Paula Vidal");
  const person = await stage.desk("reception");
  const second = await person.context.newPage();
  await second.goto(`${stage.server.base}/inbox/with_us`);
  await second.getByRole("link", { name: guest.name }).click();
  await second.getByRole("log").getByText("this is Paula Vidal").waitFor();

  await person.page.getByRole("button", { name: /settings and sign-out/ }).click();
  await person.page.getByRole("menuitem", { name: "Sign out" }).click();
  await second.getByRole("button", { name: "Sign in", exact: true }).waitFor({ timeout: 3_000 });
  await second.goBack();
  await second.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  expect(await second.content()).not.toContain("Paula Vidal");
});

test("12: a session that ends while a person types asks for the password over the page", async () => {
  const guest = await stage.guest("Tom Baker", { department: "Housekeeping" });
  const person = await stage.desk("housekeeping");
  await person.open(guest.id);
  await person.box.click();
  await person.page.keyboard.type("half a sen");
  await endSessions();

  const dialog = person.page.getByRole("dialog", { name: "Your session is over" });
  await dialog.waitFor();
  await dialog.getByLabel("Password", { exact: true }).fill(stage.server.password);
  await person.page.keyboard.press("Enter");
  await dialog.waitFor({ state: "hidden" });
  expect(await person.boxHasFocus()).toBe(true);
  await person.page.keyboard.type("tence");
  await person.page.keyboard.press("Enter");
  await expect.poll(() => stage.texts(guest.id)).toContain("half a sentence");
  await guest.write("I am still here");
  await person.log.getByText("I am still here").waitFor();

  async function endSessions(): Promise<void> {
    const cookie = (await person.context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    const response = await fetch(`${stage.server.base}/api/auth/logout/`, {
      method: "POST",
      headers: { Cookie: cookie, Origin: stage.server.base },
    });
    expect(response.ok).toBe(true);
  }
});

test("37: unknown files and API paths return 404, not the page", async () => {
  for (const path of ["/assets/none.js", "/api/none"]) {
    const response = await fetch(stage.server.base + path, { headers: { Accept: "text/html" } });
    expect([path, response.status]).toEqual([path, 404]);
    expect(await response.text()).not.toContain("<html");
  }
});

test("2: an unreachable server shows its own error, and a retry signs in once it is back", async () => {
  const person = await stage.arrive();
  await person.page.goto(stage.server.base);
  // "load" comes before the language and the form have loaded.
  await person.page.getByRole("textbox", { name: "User name" }).waitFor();
  await stage.server.kill();
  await person.fillSignIn("reception", stage.server.password);
  await person.page.getByRole("alert").getByText("The server cannot be reached.").waitFor();
  await expect.poll(() => focusedField(person.page)).toBe("password");
  await stage.server.restart();
  await person.page.keyboard.press("Enter");
  await person.waitForInbox();
});

test("2: a password set by a manager must be changed before anything else", async () => {
  const newcomer = await stage.arrive();
  const { page } = newcomer;
  const given = "handed over on paper";
  const manager = await stage.api("manager");
  const person = { username: "lena", name: "Lena Voss", role: "staff", department_ids: [], password: given };
  await manager.post("staff/", person);
  await page.goto(stage.server.base);
  await newcomer.fillSignIn("lena", given);
  await page.getByRole("heading", { name: "Choose a new password" }).waitFor();
  await expect.poll(() => focusedField(page)).toBe("new");

  // Each error is the server's own, and the focus stays in the field.
  for (const [next, sentence] of [
    ["too short", "A password needs at least 12 characters."],
    ["password1234", "This password is easy to guess"],
    ["LenaVossLena", "This password is easy to guess"],
    [given, "This is your present password."],
  ] as const) {
    await page.getByLabel("New password").fill(next);
    await page.getByRole("button", { name: "Save and continue" }).click();
    await page.getByRole("alert").getByText(sentence).waitFor();
    await expect.poll(() => focusedField(page)).toBe("new");
  }

  // After a reload the form is still there, and also asks for the current password, which was not typed in this page.
  await page.reload();
  await page.getByLabel("Present password").fill("something else");
  await page.getByLabel("New password").fill("my own four words");
  await page.getByRole("button", { name: "Save and continue" }).click();
  await page.getByRole("alert").getByText("This is not your current password.").waitFor();
  await expect.poll(() => focusedField(page)).toBe("current");
  await page.getByLabel("Present password").fill(given);
  await page.getByRole("button", { name: "Save and continue" }).click();
  await newcomer.waitForInbox();

  const elsewhere = await stage.arrive();
  await elsewhere.page.goto(stage.server.base);
  await elsewhere.fillSignIn("lena", "my own four words");
  await elsewhere.waitForInbox();
});

test("2: a password change right after the sign-in does not ask for the current password", async () => {
  const newcomer = await stage.arrive();
  const { page } = newcomer;
  const manager = await stage.api("manager");
  const given = "handed over on paper";
  await manager.post("staff/", { username: "omar", name: "Omar", role: "staff", department_ids: [], password: given });
  await page.goto(stage.server.base);
  await newcomer.fillSignIn("omar", given);
  await page.getByLabel("New password").fill("my own four words");
  expect(await page.getByLabel("Present password").count()).toBe(0);
  await page.keyboard.press("Enter");
  await newcomer.waitForInbox();
});

test("a shared computer keeps no session after the browser has closed", async () => {
  const newcomer = await stage.arrive();
  const { context, page } = newcomer;
  await page.goto(stage.server.base);
  await page.getByLabel("This is a shared computer").check();
  await newcomer.fillSignIn("reception", stage.server.password);
  await newcomer.waitForInbox();
  const cookies = await context.cookies();
  // -1: a session cookie. The device cookie stays, but gives no access.
  expect(cookies.find(({ name }) => name === "mm_session")?.expires).toBe(-1);
  expect(cookies.find(({ name }) => name === "mm_device")?.expires).toBeGreaterThan(0);
});

async function focusedField(page: Page): Promise<string | null | undefined> {
  return await page.evaluate(() => document.activeElement?.getAttribute("name"));
}
