import composer from "./ar/composer.json";
import frame from "./ar/frame.json";
import guest from "./ar/guest.json";
import hotel from "./ar/hotel.json";
import inbox from "./ar/inbox.json";
import me from "./ar/me.json";
import people from "./ar/people.json";
import records from "./ar/records.json";
import signin from "./ar/signin.json";
import stays from "./ar/stays.json";
import templates from "./ar/templates.json";
import thread from "./ar/thread.json";
import ui from "./ar/ui.json";
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
