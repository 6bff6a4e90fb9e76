import composer from "./en/composer.json";
import frame from "./en/frame.json";
import guest from "./en/guest.json";
import hotel from "./en/hotel.json";
import inbox from "./en/inbox.json";
import me from "./en/me.json";
import people from "./en/people.json";
import records from "./en/records.json";
import signin from "./en/signin.json";
import stays from "./en/stays.json";
import templates from "./en/templates.json";
import thread from "./en/thread.json";
import ui from "./en/ui.json";

const en = {
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

export type MessageKey = keyof typeof en;
/** All messages of a language, by key. */
export type Messages = Record<MessageKey, string>;

export default en satisfies Messages;
