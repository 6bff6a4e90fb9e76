import type { Conversation, StaffEntry } from "../api/types";

/** Returns the colleagues to whom a routed conversation can be assigned, members of its department first. */
export function colleaguesOf(staff: readonly StaffEntry[], { department_id: department }: Conversation, me: number): readonly StaffEntry[] {
  if (department === null) return [];
  const isMember = ({ department_ids: ids }: StaffEntry) => ids.includes(department);
  return staff
    .filter((person) => person.active && person.id !== me)
    .toSorted((a, b) => Number(isMember(b)) - Number(isMember(a)) || a.name.localeCompare(b.name));
}
