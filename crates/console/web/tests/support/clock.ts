import type { Person } from "./browser";

/** With `CONSOLE_STORIES=long` the stories wait in real time, and the soak runs its full length. */
export const IS_LONG = process.env["CONSOLE_STORIES"] === "long";

/** Installs a fake clock in the pages of a person, which `pass` moves. Call before the first page is opened. */
export async function letTimePass({ context }: Person, now = Date.now()): Promise<void> {
  await context.clock.install({ time: now });
}

/** Moves the clock of a person forward by milliseconds and runs due timers; waits in real time if `IS_LONG`. */
export async function pass(person: Person, time: number): Promise<void> {
  if (IS_LONG) await person.page.waitForTimeout(time);
  else await person.context.clock.fastForward(time);
}
