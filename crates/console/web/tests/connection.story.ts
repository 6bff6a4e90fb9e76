import { cpSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";
import { expect, test } from "vitest";

import { LAUNCH, Person } from "./support/browser";
import { letTimePass, pass } from "./support/clock";
import { CONSOLE_FOLDER } from "./support/line";
import { runFolder } from "./support/run";
import { Stage } from "./support/stage";

const stage = new Stage({ line: true });
const BUILT_FOLDER = CONSOLE_FOLDER ?? fileURLToPath(new URL("../dist", import.meta.url));

test("13: a message is stored once if the browser is killed between the request and the response", async () => {
  const guest = await stage.guest("Nora Berg");
  const profile = mkdtempSync(join(runFolder(), "profile-"));
  const before = await Person.at(await chromium.launchPersistentContext(profile, LAUNCH), stage.server);
  await before.signIn("reception");
  await before.open(guest.id);
  stage.server.line.lostAnswers = "send_message";
  await before.answer("Exactly once");
  await expect.poll(() => stage.texts(guest.id)).toContain("Exactly once");
  killBrowser(profile);
  stage.server.line.lostAnswers = null;

  const after = stage.include(await Person.at(await chromium.launchPersistentContext(profile, LAUNCH), stage.server));
  await after.page.goto(`${stage.server.base}/inbox/with_us/${guest.id}`);
  const form = after.page.locator("input[name=username]");
  await form.or(after.log).first().waitFor();
  if (await form.isVisible()) await after.fillSignIn("reception", stage.server.password);
  await after.log.getByText("Exactly once").waitFor();
  await expect.poll(() => after.page.getByRole("list", { name: "Messages that are not sent yet" }).count()).toBe(0);
  // A later message in the queue proves that the retry has ended.
  await after.answer("Afterwards");
  await expect.poll(() => stage.texts(guest.id)).toContain("Afterwards");
  expect((await stage.texts(guest.id)).filter((text) => text === "Exactly once")).toHaveLength(1);
  expect(await after.log.getByText("Exactly once").count()).toBe(1);
});

test("17: messages wait while the server is unavailable, and afterwards none is missing or doubled", async () => {
  const [guest, other] = [await stage.guest("Sara Lind"), await stage.guest("Max Roth")];
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await stage.server.kill();
  const strip = person.page.getByText(/^No connection since/);
  // A short interruption shows no strip.
  await person.page.waitForTimeout(700);
  expect(await strip.isVisible()).toBe(false);
  await strip.waitFor({ timeout: 5_000 });
  for (const text of ["One", "Two", "Three"]) await person.answer(text);
  const waiting = person.page.getByRole("list", { name: "Messages that are not sent yet" });
  await expect.poll(() => waiting.getByText("Waits for the connection").count()).toBe(3);

  await stage.server.restart();
  await guest.write("Missed");
  await other.write("Missed as well");
  const sent = async () => (await stage.messages(guest.id)).filter(({ sender_type: sender }) => sender === "staff");
  await expect.poll(async () => (await sent()).map(({ content }) => content), { timeout: 20_000 }).toEqual(["One", "Two", "Three"]);
  await person.log.getByText("Missed", { exact: true }).waitFor();
  await person.row(other.name).getByText("Missed as well").waitFor();
  await strip.waitFor({ state: "hidden" });
  await waiting.waitFor({ state: "hidden" });
  for (const text of ["One", "Two", "Three"]) expect(await person.log.getByText(text, { exact: true }).count()).toBe(1);
});

test("18: a silent connection is replaced within 70 s and resumed without a gap", async () => {
  const guest = await stage.guest("Ulla Berg");
  const person = await stage.arrive();
  await letTimePass(person);
  await person.signIn("reception");
  await person.open(guest.id);
  await guest.write("Before the silence");
  await person.log.getByText("Before the silence").waitFor();

  stage.server.line.silenceSockets();
  await guest.write("In the silence");
  // The server sends a heartbeat every 25 s; the console waits for two.
  await pass(person, 45_000);
  expect(await person.log.getByText("In the silence").count()).toBe(0);
  await pass(person, 25_000);
  await person.log.getByText("In the silence").waitFor();
  await guest.write("After the silence");
  await person.log.getByText("After the silence").waitFor();
  const words = await person.log.getByText(/the silence$/).allInnerTexts();
  expect(words).toEqual(["Before the silence", "In the silence", "After the silence"]);
}, 200_000);

test("20: the second of two simultaneous replies is stale and waits for a choice", async () => {
  const guest = await stage.guest("Carl Voss");
  const [first, second] = [await stage.desk("reception"), await stage.desk("manager")];
  await Promise.all([first.open(guest.id), second.open(guest.id)]);
  stage.server.line.silenceSockets();
  await first.answer("In five minutes");
  await expect.poll(() => stage.texts(guest.id)).toContain("In five minutes");
  await second.answer("At once");

  const choice = second.page.getByRole("alert");
  await choice.getByText("In five minutes").waitFor();
  await choice.getByRole("button", { name: "Edit" }).waitFor();
  await choice.getByRole("button", { name: "Discard" }).waitFor();
  expect(await stage.texts(guest.id)).not.toContain("At once");
  await choice.getByRole("button", { name: "Send anyway" }).click();
  await expect.poll(() => stage.texts(guest.id)).toContain("At once");
  await choice.waitFor({ state: "hidden" });
  expect(await second.boxHasFocus()).toBe(true);
  expect((await stage.texts(guest.id)).filter((text) => text === "At once")).toHaveLength(1);
});

test("37: a tab of an old build loads the new build and keeps its text", async () => {
  // Both builds are served without cache headers, because unchanged files keep their names here.
  stage.server.line.consoleFolder = BUILT_FOLDER;
  const guest = await stage.guest("Jon Dahl");
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.box.click();
  await person.page.keyboard.type("kept over the build");
  await person.page.evaluate(() => Object.assign(window, { isOldPage: true }));
  stage.server.line.consoleFolder = buildWithOtherNames();

  await person.page.getByRole("button", { name: /settings and sign-out/ }).click();
  await person.page.getByRole("menuitem", { name: "Settings" }).click();
  await person.page.getByRole("heading", { name: "Settings" }).waitFor();
  expect(await person.page.evaluate(() => "isOldPage" in window)).toBe(false);
  await person.page.goBack();
  await expect.poll(() => person.box.inputValue()).toBe("kept over the build");
  stage.server.line.consoleFolder = CONSOLE_FOLDER;
});

test("19: after a restore of the database the console shows the restored state without a reload", async () => {
  const guest = await stage.guest("Lena Fuchs");
  await guest.write("In the backup");
  const backup = join(stage.server.folder, "backup");
  stage.server.run("backup", backup);
  await guest.write("After the backup");
  const later = await stage.guest("Later Guest");
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.log.getByText("After the backup").waitFor();
  await person.row(later.name).waitFor();
  await person.page.evaluate(() => Object.assign(window, { isSamePage: true }));

  await stage.server.halt();
  stage.server.run("restore", backup);
  await stage.server.restart();
  // The session does not exist in the restored database.
  const dialog = person.page.getByRole("dialog", { name: "Your session is over" });
  await dialog.getByLabel("Password", { exact: true }).fill(stage.server.password);
  await person.page.keyboard.press("Enter");
  await dialog.waitFor({ state: "hidden" });
  await person.row(later.name).waitFor({ state: "hidden" });
  await person.log.getByText("After the backup").waitFor({ state: "hidden" });
  await person.log.getByText("In the backup").waitFor();
  await guest.write("Life goes on");
  await person.log.getByText("Life goes on").waitFor();
  expect(await person.page.evaluate(() => "isSamePage" in window)).toBe(true);
});

/** Kills the browser of a profile, as a power cut would. */
function killBrowser(profile: string): void {
  const lock = join(profile, "SingletonLock");
  process.kill(Number(readlinkSync(lock).split("-").at(-1)), "SIGKILL");
  rmSync(lock, { force: true });
}

/** Returns a build in which the chunk of the settings screen has another name. */
function buildWithOtherNames(): string {
  const build = mkdtempSync(join(runFolder(), "build-"));
  cpSync(BUILT_FOLDER, build, { recursive: true });
  const assets = join(build, "assets");
  const old = readdirSync(assets).find((name) => /^MeScreen-.*\.js$/.test(name)) ?? "";
  renameSync(join(assets, old), join(assets, "MeScreen-other.js"));
  for (const name of readdirSync(assets).filter((each) => each.endsWith(".js"))) {
    const file = join(assets, name);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(old, "MeScreen-other.js"));
  }
  return build;
}
