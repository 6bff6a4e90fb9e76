import composer from "./de/composer.json";
import frame from "./de/frame.json";
import guest from "./de/guest.json";
import hotel from "./de/hotel.json";
import inbox from "./de/inbox.json";
import me from "./de/me.json";
import people from "./de/people.json";
import records from "./de/records.json";
import signin from "./de/signin.json";
import stays from "./de/stays.json";
import templates from "./de/templates.json";
import thread from "./de/thread.json";
import ui from "./de/ui.json";
import type { Messages } from "./en";

const messages: Messages = {
  ...composer,
  ...frame,
  ...guest,
  ...hotel,
  ...inbox,
  ...me,
  ...people,
  ...records,
  ...signin,
  ...stays,
  ...templates,
  ...thread,
  ...ui,
};

export default messages;
