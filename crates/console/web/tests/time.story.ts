import { expect, test } from "vitest";

import { Stage } from "./support/stage";

const stage = new Stage();

test("40: browsers in Tokyo and Lima show the hotel's days and times, across a change to summer time", async () => {
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
    // The browser's own time is only in the tooltip.
    const bubble = person.log.getByRole("listitem").filter({ hasText: texts[0]! });
    expect(await bubble.getByRole("time").getAttribute("title")).toMatch(timezoneId === "Asia/Tokyo" ? /23:30 \(.*08:30 where you are\)/ : /23:30 \(18:30 where you are\)/);
    pages.push(await person.log.getByRole("time").allInnerTexts());
  }
  expect(pages[0]).toEqual(pages[1]);
  expect(pages[0]!.filter((time) => time.includes("March"))).toEqual(["Sat 27 March", "Sun 28 March"]);

  function secondsUntil(moment: string): number {
    // A few seconds later, so that the rounded time is in the right minute.
    return Math.ceil((Date.parse(moment) - start) / 1_000) + 5;
  }
});

test("40: Arabic times use a 24-hour clock too", async () => {
  const guest = await stage.guest("Salma Haddad");
  const person = await stage.desk("reception", { locale: "ar" });
  await person.open(guest.id);
  for (const time of await person.log.locator("[data-message]").getByRole("time").allInnerTexts()) expect(time).toMatch(/^\d\d:\d\d$/);
});
