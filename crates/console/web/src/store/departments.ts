import type { Department, Hotel } from "../api/types";

/** Returns the department for guests who choose none: the configured one, otherwise the oldest. */
export function defaultDepartmentOf(hotel: Hotel, departments: readonly Department[]): number | null {
  if (hotel.default_department_id !== null) return hotel.default_department_id;
  const ids = departments.map(({ id }) => id);
  return ids.length === 0 ? null : Math.min(...ids);
}
