import { expect, test } from "vitest";

import { Stage } from "./support/stage";

const stage = new Stage();

test("9: no typed character is lost while a colleague and guests write", async () => {
  const guests = await Promise.all(["Ines Costa", "Paul Weber", "Mia Lund"].map((name) => stage.guest(name)));
  const [ines] = guests;
  const [person, manager] = await Promise.all([stage.desk("reception"), stage.api("manager")]);
  await person.open(ines!.id);
  await person.box.click();
  const text = "The pool opens at eight and closes at ten in the evening.";
  const typing = new AbortController();
  const others = (async () => {
    for (let round = 0; !typing.signal.aborted; round += 1) {
      for (const guest of guests) await guest.write(`Question ${round}`);
      await manager.post(`conversations/${ines!.id}/notes/`, { text: `Note ${round}` });
    }
  })();
  // At a person's typing speed, so that events arrive between the keys.
  await person.page.keyboard.type(text, { delay: 40 });
  typing.abort();
  await others;
  await person.log.getByText("Note 0").waitFor();
  expect(await person.box.inputValue()).toBe(text);
  expect(await person.boxHasFocus()).toBe(true);
});

test("10: the focus stays in the box after sending by Enter and by the button", async () => {
  const guest = await stage.guest("Leo Brandt");
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.answer("By Enter");
  await person.log.getByText("By Enter").waitFor();
  expect(await person.boxHasFocus()).toBe(true);
  await person.page.keyboard.type("By the button");
  await person.page.getByRole("button", { name: "Send", exact: true }).click();
  await person.log.getByText("By the button").waitFor();
  expect(await person.boxHasFocus()).toBe(true);
  expect(await person.box.inputValue()).toBe("");
});

test("11: a draft stays with its guest after a switch, a reload and on a second device", async () => {
  const [ana, ben] = [await stage.guest("Ana Vidal"), await stage.guest("Ben Hardy")];
  const person = await stage.desk("reception");
  await person.open(ana.id);
  await person.box.click();
  await person.page.keyboard.type("for Ana only");
  await person.row(ben.name).click();
  await person.log.getByText("this is Ben Hardy").waitFor();
  expect(await person.box.inputValue()).toBe("");
  await person.row(ana.name).click();
  await person.log.getByText("this is Ana Vidal").waitFor();
  expect(await person.box.inputValue()).toBe("for Ana only");
  await person.page.reload();
  await expect.poll(() => person.box.inputValue()).toBe("for Ana only");

  const second = await stage.desk("reception");
  await expect
    .poll(async () => {
      await second.open(ana.id);
      return await second.box.inputValue();
    })
    .toBe("for Ana only");
  expect(await stage.texts(ben.id)).not.toContain("for Ana only");
});

test("14: a newer draft from another device is offered and replaces no text by itself", async () => {
  const guest = await stage.guest("Eva Holm");
  const [first, second] = [await stage.desk("reception"), await stage.desk("reception")];
  await Promise.all([first.open(guest.id), second.open(guest.id)]);
  await first.box.click();
  await first.page.keyboard.type("from the desk");
  await expect.poll(() => second.box.inputValue()).toBe("from the desk");
  await second.box.click();
  await second.page.keyboard.type(", and from the bar");
  const offer = first.page.getByRole("button", { name: "Use it" });
  await offer.waitFor();
  expect(await first.box.inputValue()).toBe("from the desk");
  await offer.click();
  expect(await first.box.inputValue()).toBe("from the desk, and from the bar");
});

test("21: Enter during composition sends nothing", async () => {
  const guest = await stage.guest("Yuki Tanaka");
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.box.click();
  const input = await person.context.newCDPSession(person.page);
  await input.send("Input.imeSetComposition", { text: "こん", selectionStart: 2, selectionEnd: 2 });
  const enter = { key: "Enter", code: "Enter", windowsVirtualKeyCode: 229 };
  await input.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...enter });
  await input.send("Input.dispatchKeyEvent", { type: "keyUp", ...enter });
  expect(await person.box.inputValue()).toBe("こん");
  await input.send("Input.insertText", { text: "こんにちは" });
  await person.page.keyboard.press("Enter");
  await person.log.getByText("こんにちは").waitFor();
  const answers = (await stage.messages(guest.id)).filter(({ sender_type: sender }) => sender === "staff");
  expect(answers.map(({ content }) => content)).toEqual(["こんにちは"]);
});

test("24: a canned reply contains the values of the stay, and a missing value blocks Send", async () => {
  const manager = await stage.api("manager");
  const phone = "+34600111990";
  const [today, later] = [0, 3].map((days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10));
  await manager.post("stays/", { reservation_code: "WIFI-1", guest_name: "Marta Gil", guest_phone: phone, room_number: "2044", check_in: today, check_out: later });
  await manager.post("templates/", {
    name: "Ski locker",
    shortcut: "locker",
    content: "Dear {{guest_name}}, the locker of room {{room_number}} opens with {{locker_code}}.",
  });
  const guest = await stage.guest("Marta Gil", { phone });
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.box.click();
  await person.page.keyboard.type("/loc");
  await person.page.getByRole("option", { name: "/locker" }).waitFor();
  await person.page.keyboard.press("Enter");
  await expect.poll(() => person.box.inputValue()).toBe("Dear Marta Gil, the locker of room 2044 opens with {{locker_code}}.");
  expect(await person.boxHasFocus()).toBe(true);

  await person.page.keyboard.press("Enter");
  await person.page.getByRole("alert").getByText("Fill in locker_code first.").waitFor();
  expect((await stage.texts(guest.id)).filter((text) => text.includes("opens with"))).toEqual([]);
  await person.box.fill((await person.box.inputValue()).replace("{{locker_code}}", "pelican"));
  await person.page.keyboard.press("Enter");
  await person.log.getByText("opens with pelican.").waitFor();
});

test("22: characters typed without focus go into the box and trigger no action", async () => {
  const guest = await stage.guest("Rosa Diaz");
  const person = await stage.desk("reception");
  await person.open(guest.id);
  const changes: string[] = [];
  person.page.on("request", (request) => {
    if (request.method() !== "GET" && !/draft|refresh/.test(request.url())) changes.push(request.url());
  });
  await person.page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  await person.page.keyboard.type("just ok?");
  expect(await person.box.inputValue()).toBe("just ok?");

  await person.row(guest.name).focus();
  for (const key of "abcdefghilmnopqrstuvwxyz0123456789.,-") {
    await person.page.keyboard.press(key);
    await person.row(guest.name).focus();
  }
  expect(changes).toEqual([]);
  expect(new URL(person.page.url()).pathname).toBe(`/inbox/with_us/${guest.id}`);
});
