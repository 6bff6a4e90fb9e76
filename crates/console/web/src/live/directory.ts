import { getSettings } from "../api/calls";
import { getHotel, listDepartments, listLabels, listStaff, toStaffEntry } from "../api/hotel-calls";
import { ApiError, NetworkError } from "../api/problem";
import type { DirectoryPart } from "../api/types";
import { dispatch } from "../store/store";

/** Refetches a changed part of the directory. Screens refetch the parts that only they use. */
export async function refetchDirectory(part: DirectoryPart): Promise<void> {
  try {
    switch (part) {
      case "departments":
        dispatch({ type: "directory", part: { departments: await listDepartments() } });
        break;
      case "staff":
        dispatch({ type: "directory", part: { staff: (await listStaff()).map(toStaffEntry) } });
        break;
      case "labels":
        dispatch({ type: "directory", part: { labels: await listLabels() } });
        break;
      case "hotel":
        dispatch({ type: "directory", part: { hotel: await getHotel() } });
        break;
      case "settings":
        dispatch({ type: "settings", settings: await getSettings() });
        break;
      default:
    }
  } catch (error) {
    // Old names are better than none; the next snapshot brings the current ones.
    if (!(error instanceof ApiError || error instanceof NetworkError)) throw error;
  }
}
