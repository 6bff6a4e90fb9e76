import hotel from "./en/hotel.json";
import hours from "./en/hours.json";
import me from "./en/me.json";
import people from "./en/people.json";
import records from "./en/records.json";
import reports from "./en/reports.json";
import search from "./en/search.json";
import stays from "./en/stays.json";
import templates from "./en/templates.json";
import variables from "./en/variables.json";

/** The messages of the screens beside the inbox, which are loaded with the first of them. */
const screens = {
  ...hotel,
  ...hours,
  ...me,
  ...people,
  ...records,
  ...reports,
  ...search,
  ...stays,
  ...templates,
  ...variables,
};

export type ScreenMessages = Record<keyof typeof screens, string>;

export default screens satisfies ScreenMessages;
