import hotel from "./de/hotel.json";
import hours from "./de/hours.json";
import me from "./de/me.json";
import people from "./de/people.json";
import records from "./de/records.json";
import reports from "./de/reports.json";
import search from "./de/search.json";
import stays from "./de/stays.json";
import templates from "./de/templates.json";
import variables from "./de/variables.json";
import type { ScreenMessages } from "./en-screens";

const messages: ScreenMessages = {
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

export default messages;
