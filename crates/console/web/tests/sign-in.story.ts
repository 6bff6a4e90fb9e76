import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { Stage } from "./support/stage";

const stage = new Stage();

test("2: a wrong password gets a sentence, and the focus is in the password", async () => {
  const { page } = await stage.arrive();
  await page.goto(stage.server.base);
  await page.getByRole("textbox", { name: "User name" }).fill("reception");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").getByText("User name or password is wrong.").waitFor();
  expect(await focusedField(page)).toBe("password");
});

test("2: after too many attempts the form says how long to wait", async () => {
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
  expect(await focusedField(person.page)).toBe("username");
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
  const guest = await stage.guest("Ana Rossi");
  const person = await stage.desk("reception");
  const second = await person.context.newPage();
  await second.goto(`${stage.server.base}/inbox/with_us`);
  await second.getByRole("link", { name: guest.name }).click();
  await second.getByRole("log").getByText("this is Ana Rossi").waitFor();

  await person.page.getByRole("button", { name: /settings and sign-out/ }).click();
  await person.page.getByRole("menuitem", { name: "Sign out" }).click();
  await second.getByRole("button", { name: "Sign in", exact: true }).waitFor({ timeout: 3_000 });
  await second.goBack();
  await second.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  expect(await second.content()).not.toContain("Ana Rossi");
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

test("37: unknown files and unknown calls are not the page", async () => {
  for (const path of ["/assets/none.js", "/api/none"]) {
    const response = await fetch(stage.server.base + path, { headers: { Accept: "text/html" } });
    expect([path, response.status]).toEqual([path, 404]);
    expect(await response.text()).not.toContain("<html");
  }
});

test("2: a server that cannot be reached gets its own sentence, and its return needs no second one", async () => {
  const person = await stage.arrive();
  await person.page.goto(stage.server.base);
  await stage.server.kill();
  await person.fillSignIn("reception", stage.server.password);
  await person.page.getByRole("alert").getByText("The server cannot be reached.").waitFor();
  expect(await focusedField(person.page)).toBe("password");
  await stage.server.restart();
  await person.page.keyboard.press("Enter");
  await person.waitForInbox();
});

async function focusedField(page: Page): Promise<string | null | undefined> {
  return await page.evaluate(() => document.activeElement?.getAttribute("name"));
}
