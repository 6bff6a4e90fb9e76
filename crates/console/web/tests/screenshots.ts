// Takes the screenshots of README and docs/console.md: `make screenshots`.
import { mkdir } from "node:fs/promises";

import { test } from "vitest";

import { guestWrites } from "./support/api";
import { Person, startBrowser } from "./support/browser";
import { Server } from "./support/server";

const FOLDER = new URL("../../../../docs/images/", import.meta.url).pathname;
const PHONE = { width: 390, height: 844 };

test("pictures", async () => {
  const server = await Server.start();
  const browser = await startBrowser();
  try {
    await mkdir(FOLDER, { recursive: true });
    await guestWrites(server, "+393331234567", "Buona sera! Is the pool still open?", "Ana Rossi");
    const desk = await Person.arrive(browser, server);
    await desk.signIn("manager", "/inbox/with_us");
    await desk.page.getByRole("link", { name: /Bruno Keller/ }).click();
    await desk.page.getByRole("button", { name: "Take it" }).click();
    await desk.page.getByRole("textbox", { name: /^Message to/ }).fill("Both are on their way, Mr Keller. Good night!");
    await desk.page.keyboard.press("Enter");
    await desk.page.getByText("Both are on their way").first().waitFor();
    // Wait until WhatsApp reports that the guest has read the message.
    await desk.page.waitForTimeout(10_000);
    await desk.page.screenshot({ path: `${FOLDER}inbox.png` });
    const phone = await Person.arrive(browser, server, { viewport: PHONE, hasTouch: true, isMobile: true, colorScheme: "dark" });
    await phone.signIn("reception", "/inbox/with_us");
    await phone.page.screenshot({ path: `${FOLDER}telephone.png` });
  } finally {
    await browser.close();
    await server.stop();
  }
});
