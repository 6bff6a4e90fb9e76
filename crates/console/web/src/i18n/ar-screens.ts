import hotel from "./ar/hotel.json";
import hours from "./ar/hours.json";
import me from "./ar/me.json";
import people from "./ar/people.json";
import records from "./ar/records.json";
import reports from "./ar/reports.json";
import search from "./ar/search.json";
import stays from "./ar/stays.json";
import templates from "./ar/templates.json";
import variables from "./ar/variables.json";
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
