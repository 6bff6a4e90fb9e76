import { expect, test } from "vitest";

import { Stage } from "./support/stage";

const stage = new Stage();

test("40: browsers in Tokyo and Lima show the hotel's days and times, over a change to summer time", async () => {
  const manager = await stage.api("manager");
  await manager.patch("hotel/", { timezone: "Europe/Lisbon" });
  const start = Date.now();
  const moments = ["2027-03-27T23:30:00Z", "2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z"];
  const texts = ["Saturday evening", "Sunday, winter time", "Sunday, summer time"];
  stage.server.setClock(secondsUntil(moments[0]!));
  const guest = await stage.guest("Abel Reis");
  for (const [index, moment] of moments.entries()) {
    stage.server.setClock(secondsUntil(moment));
    await guest.write(texts[index]!);
  }

  const pages = [];
  for (const timezoneId of ["Asia/Tokyo", "America/Lima"]) {
    const person = await stage.arrive({ timezoneId });
    await person.context.clock.install({ time: new Date("2027-04-20T12:00:00Z") });
    await person.signIn("reception");
    await person.open(guest.id);
    const times = [];
    for (const text of texts) {
      const bubble = person.log.getByRole("listitem").filter({ hasText: text });
      times.push(await bubble.getByRole("time").innerText());
    }
    expect(times).toEqual(["23:30", "00:30", "02:30"]);
    pages.push(await person.log.getByRole("time").allInnerTexts());
  }
  expect(pages[0]).toEqual(pages[1]);
  expect(pages[0]!.filter((time) => time.includes("March"))).toEqual(["Sat 27 March", "Sun 28 March"]);

  function secondsUntil(moment: string): number {
    // Some seconds later, so that the minute is the one of the moment.
    return Math.ceil((Date.parse(moment) - start) / 1_000) + 5;
  }
});
