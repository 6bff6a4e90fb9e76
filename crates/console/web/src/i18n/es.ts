import type { Messages } from "./en";
import composer from "./es/composer.json";
import frame from "./es/frame.json";
import guest from "./es/guest.json";
import inbox from "./es/inbox.json";
import later from "./es/later.json";
import link from "./es/link.json";
import signin from "./es/signin.json";
import snooze from "./es/snooze.json";
import thread from "./es/thread.json";
import ui from "./es/ui.json";
import waiting from "./es/waiting.json";

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
