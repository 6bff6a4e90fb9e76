import composer from "./ar/composer.json";
import frame from "./ar/frame.json";
import guest from "./ar/guest.json";
import inbox from "./ar/inbox.json";
import later from "./ar/later.json";
import link from "./ar/link.json";
import signin from "./ar/signin.json";
import snooze from "./ar/snooze.json";
import thread from "./ar/thread.json";
import ui from "./ar/ui.json";
import waiting from "./ar/waiting.json";
import type { Messages } from "./en";

const messages: Messages = {
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

export default messages;
