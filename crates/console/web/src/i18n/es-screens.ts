import hotel from "./es/hotel.json";
import hours from "./es/hours.json";
import me from "./es/me.json";
import people from "./es/people.json";
import records from "./es/records.json";
import reports from "./es/reports.json";
import search from "./es/search.json";
import stays from "./es/stays.json";
import templates from "./es/templates.json";
import variables from "./es/variables.json";
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
