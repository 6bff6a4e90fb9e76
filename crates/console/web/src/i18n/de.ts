import composer from "./de/composer.json";
import frame from "./de/frame.json";
import guest from "./de/guest.json";
import inbox from "./de/inbox.json";
import later from "./de/later.json";
import link from "./de/link.json";
import signin from "./de/signin.json";
import snooze from "./de/snooze.json";
import thread from "./de/thread.json";
import ui from "./de/ui.json";
import waiting from "./de/waiting.json";
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
