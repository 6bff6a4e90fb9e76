import { expect, test } from "vitest";

import { Stage } from "./support/stage";

const stage = new Stage();

test("a staff member ends a session on another device, and changes the password", async () => {
  const there = await stage.desk("housekeeping");
  const here = await stage.desk("housekeeping");
  const { page } = here;
  await page.goto(`${stage.server.base}/me`);
  const devices = page.getByRole("region", { name: "Where you are signed in" });
  await devices.getByText("This device", { exact: true }).waitFor();
  const others = devices.getByRole("button", { name: /^Sign out/ });
  const before = await others.count();
  // Last used first.
  await others.first().click();
  await there.page.getByRole("dialog", { name: "Your session is over" }).waitFor();
  await expect.poll(() => others.count()).toBe(before - 1);

  const password = page.getByRole("region", { name: "Password" });
  await password.getByLabel("Present password").fill("something else");
  await password.getByLabel("New password").fill("my own four words");
  await password.getByRole("button", { name: "Change the password" }).click();
  await password.getByText("This is not your current password.").waitFor();
  await password.getByLabel("Present password").fill(stage.server.password);
  await password.getByRole("button", { name: "Change the password" }).click();
  await password.getByText("The password is changed.").waitFor();
});

test("a manager ends the session on a lost device, and reactivates a former colleague", async () => {
  const lost = await stage.desk("maintenance");
  const { page } = await stage.desk("manager");
  await page.goto(`${stage.server.base}/hotel/people`);
  await page.getByRole("button", { name: "Maintenance Staff" }).click();
  const dialog = page.getByRole("dialog", { name: "Maintenance Staff" });
  await dialog.getByRole("region", { name: "Signed in on" }).getByRole("button", { name: /^Sign out/ }).first().click();
  await lost.page.getByRole("dialog", { name: "Your session is over" }).waitFor();
  await dialog.getByText("Signed in nowhere.").waitFor();

  await dialog.getByRole("button", { name: "Deactivate…" }).click();
  await dialog.getByRole("button", { name: "Deactivate", exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Maintenance Staff" }).click();
  await page.getByRole("button", { name: "Activate again" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  const back = await stage.arrive();
  await back.page.goto(stage.server.base);
  await back.fillSignIn("maintenance", stage.server.password);
  await back.waitForInbox();
});
