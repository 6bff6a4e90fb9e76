import type { Messages } from "./en";
import composer from "./es/composer.json";
import frame from "./es/frame.json";
import guest from "./es/guest.json";
import hotel from "./es/hotel.json";
import inbox from "./es/inbox.json";
import me from "./es/me.json";
import people from "./es/people.json";
import records from "./es/records.json";
import signin from "./es/signin.json";
import stays from "./es/stays.json";
import templates from "./es/templates.json";
import thread from "./es/thread.json";
import ui from "./es/ui.json";

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
