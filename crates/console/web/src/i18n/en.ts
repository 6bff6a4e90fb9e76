import composer from "./en/composer.json";
import frame from "./en/frame.json";
import guest from "./en/guest.json";
import inbox from "./en/inbox.json";
import later from "./en/later.json";
import link from "./en/link.json";
import signin from "./en/signin.json";
import snooze from "./en/snooze.json";
import thread from "./en/thread.json";
import ui from "./en/ui.json";
import waiting from "./en/waiting.json";

/** The messages of the inbox and of all that surrounds a screen. */
const en = {
  ...composer,
  ...frame,
  ...guest,
  ...inbox,
  ...later,
  ...link,
  ...signin,
  ...snooze,
  ...thread,
  ...ui,
  ...waiting,
};

/** The messages that are loaded before the first rendering, by key. */
export type Messages = Record<keyof typeof en, string>;

export default en satisfies Messages;
