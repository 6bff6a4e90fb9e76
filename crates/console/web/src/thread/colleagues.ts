import type { Conversation, StaffEntry } from "../api/types";

/** Who else may own a routed conversation: members of its department first. */
export function colleaguesOf(staff: readonly StaffEntry[], { department_id: department }: Conversation, me: number): readonly StaffEntry[] {
  if (department === null) return [];
  const isMember = ({ department_ids: ids }: StaffEntry) => ids.includes(department);
  return staff
    .filter((person) => person.active && person.id !== me)
    .toSorted((a, b) => Number(isMember(b)) - Number(isMember(a)) || a.name.localeCompare(b.name));
}
