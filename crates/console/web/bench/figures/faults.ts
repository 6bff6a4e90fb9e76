import type { Browser, BrowserContextOptions } from "playwright-core";

import { findViolations } from "../../tests/support/axe";
import { Person } from "../../tests/support/browser";
import type { BusyHotel } from "../hotel";

const LOOKS: readonly BrowserContextOptions[] = [
  { colorScheme: "light", reducedMotion: "reduce" },
  { colorScheme: "dark", locale: "ar", reducedMotion: "reduce" },
];

/** Returns the axe violations of sign-in and thread, and console faults, in light English and dark Arabic. */
export async function findAxeViolations(browser: Browser, hotel: BusyHotel): Promise<string[]> {
  const found: string[] = [];
  for (const look of LOOKS) {
    const person = await Person.arrive(browser, hotel.server, look);
    const { page } = person;
    await page.goto(`${hotel.server.base}/inbox/with_us`);
    await page.locator("input[name=username]").waitFor();
    found.push(...(await findViolations(page, "sign-in")));
    await person.fillSignIn(hotel.username, hotel.server.password);
    await page.locator("[data-conversation]").first().click();
    await person.log.getByRole("listitem").first().waitFor();
    found.push(...(await findViolations(page, "thread")));
    found.push(...person.faults);
    await person.leave();
  }
  return found;
}
