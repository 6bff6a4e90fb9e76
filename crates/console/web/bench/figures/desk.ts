import type { Browser } from "playwright-core";

import { Person } from "../../tests/support/browser";
import type { BusyHotel } from "../hotel";
import { installClock } from "../page-clock";

const QUEUE = "/inbox/with_us";

/** Signs the manager in at desk size and opens the queue with all conversations. */
export async function sitDown(browser: Browser, hotel: BusyHotel): Promise<Person> {
  const person = await Person.arrive(browser, hotel.server);
  await installClock(person.context);
  await person.signIn(hotel.username, QUEUE);
  await person.page.locator("[data-conversation]").first().waitFor();
  return person;
}
