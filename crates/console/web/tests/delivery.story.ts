import type { Locator } from "playwright-core";
import { expect, test } from "vitest";

import type { Person } from "./support/browser";
import { Stage } from "./support/stage";

const DAY = 24 * 60 * 60;

const stage = new Stage();

// The WhatsApp simulator has a special behaviour for these numbers: crates/simulator/src/magic_numbers.rs.
const RECEIPTS_IN_REVERSE = "+199910000004";
const TWICE_REJECTED = "+199902131026";
const FAILS_LATER = "+199901131026";
const CUT_WITHOUT_ANSWER = "+199910000008";

test("34: the delivery status moves forward only, in any order of receipts", async () => {
  const guest = await stage.guest("Rita Falk", { phone: RECEIPTS_IN_REVERSE });
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.answer("Coming");
  const bubble = bubbleOf(person, "Coming");
  await bubble.waitFor();
  const marks = await bubble.evaluateHandle((element) => {
    const order = ["On its way", "Sent", "Delivered", "Read"];
    const seen: number[] = [];
    const look = () => seen.push(order.findIndex((word) => element.textContent?.includes(word)));
    new MutationObserver(look).observe(element, { childList: true, subtree: true, characterData: true });
    return seen;
  });
  await bubble.getByText("Read", { exact: true }).waitFor();
  const delivery = async () => (await stage.messages(guest.id)).find(({ content }) => content === "Coming")?.delivery;
  expect(await delivery()).toBe("read");
  const seen = (await marks.jsonValue()).filter((mark) => mark >= 0);
  expect(seen).toEqual(seen.toSorted((one, other) => one - other));
  expect(await bubble.getByText("Read", { exact: true }).isVisible()).toBe(true);
});

test("34: a failed message shows the reason and can be retried", async () => {
  const guest = await stage.guest("Jan Bauer", { phone: TWICE_REJECTED });
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.answer("Try me");
  const bubble = bubbleOf(person, "Try me");
  const again = bubble.getByRole("button", { name: "Try again" });
  await again.waitFor();
  const failure = (await stage.messages(guest.id)).find(({ content }) => content === "Try me")?.failure;
  expect(await bubble.innerText()).toContain(failure);
  await expect
    .poll(
      async () => {
        if (await again.isVisible()) await again.click();
        return await bubble.innerText();
      },
      { timeout: 20_000, interval: 500 },
    )
    .toMatch(/Sent|Delivered|Read/);
});

test("34: sending a message of unknown delivery again needs a confirmation", async () => {
  const guest = await stage.guest("Lou Simon", { phone: CUT_WITHOUT_ANSWER });
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.answer("Perhaps");
  const bubble = bubbleOf(person, "Perhaps");
  await bubble.getByText("It is not known whether this arrived.").waitFor({ timeout: 20_000 });
  await bubble.getByRole("button", { name: "Send again" }).click();
  const question = person.page.getByRole("alertdialog").or(person.page.getByRole("dialog"));
  await question.getByText("The guest may get it twice.").waitFor();
  await question.getByRole("button", { name: "Cancel" }).click();
  await question.waitFor({ state: "hidden" });
  expect((await stage.messages(guest.id)).find(({ content }) => content === "Perhaps")?.delivery).toBe("unknown");
});

test("34: a message that fails in another conversation shows a toast that opens the conversation", async () => {
  const [guest, other] = [await stage.guest("Ida Roos", { phone: FAILS_LATER }), await stage.guest("Karl Lund")];
  const person = await stage.desk("reception");
  await person.open(guest.id);
  await person.page.getByRole("main").getByRole("button", { name: "Take it" }).click();
  await person.page.getByRole("main").getByText("Owner: me").waitFor();
  await person.open(other.id);
  // Sent from another device of the same person.
  await (await stage.api("reception")).post(`conversations/${guest.id}/send_message/`, { text: "Your table is ready" });
  const notice = person.page.getByRole("alertdialog").filter({ hasText: "was not delivered" });
  await notice.getByText(/^Your message to .*Ida Roos.* was not delivered\.$/).waitFor();
  await notice.getByRole("button", { name: "Open" }).click();
  const bubble = bubbleOf(person, "Your table is ready");
  await bubble.getByRole("button", { name: "Try again" }).waitFor();
  expect(new URL(person.page.url()).pathname).toBe(`/inbox/mine/${guest.id}`);
});

test("35: after the 24-hour window the opener is offered, and the held text is sent after the guest's next message", async () => {
  const guest = await stage.guest("Vera Klein");
  const manager = await stage.api("manager");
  const opener = await manager.post<{ id: number }>("templates/", {
    name: "opener",
    content: "Good day from Seaside Hotel.",
    template_type: "whatsapp",
    language: "en",
  });
  await manager.patch("hotel/", { opener_template_id: opener.id });
  stage.server.setClock(DAY + 60);
  const person = await stage.arrive();
  await person.context.clock.install({ time: Date.now() + (DAY + 60) * 1_000 });
  await person.signIn("reception");
  await person.open(guest.id);
  const strip = person.page.getByRole("form").getByText("WhatsApp now allows only the opener: “Good day from Seaside Hotel.”");
  await strip.waitFor();
  await person.box.click();
  await person.page.keyboard.type("Your taxi is here");
  await person.page.getByRole("button", { name: "Send opener, keep my text" }).click();
  await person.log.getByText("Good day from Seaside Hotel.").waitFor();
  await bubbleOf(person, "Your taxi is here").getByText("Waits until Vera Klein writes").waitFor();

  // While the message is held, its author can edit it.
  await person.box.click();
  await person.page.keyboard.type("something else");
  const waiting = (await stage.messages(guest.id)).find(({ content }) => content === "Your taxi is here");
  await bubbleOf(person, "Your taxi is here").getByRole("button", { name: "Edit" }).click();
  const dialog = person.page.getByRole("dialog", { name: "Change the message" });
  const text = dialog.getByLabel("Message", { exact: true });
  expect(await text.inputValue()).toBe("Your taxi is here");
  await text.fill("Your taxi waits at the door");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "hidden" });
  await bubbleOf(person, "Your taxi waits at the door").getByText("Waits until Vera Klein writes").waitFor();
  expect((await stage.messages(guest.id)).find(({ id }) => id === waiting?.id)?.content).toBe("Your taxi waits at the door");
  expect(await person.box.inputValue()).toBe("something else");

  await guest.write("Yes?");
  await expect.poll(() => bubbleOf(person, "Your taxi waits at the door").innerText(), { timeout: 10_000 }).toMatch(/Sent|Delivered|Read/);
  expect((await stage.texts(guest.id)).filter((each) => each.startsWith("Your taxi"))).toEqual(["Your taxi waits at the door"]);
});

function bubbleOf(person: Person, text: string): Locator {
  return person.log.getByRole("listitem").filter({ hasText: text });
}
