import type { State } from "./state";

/** Returns whether this person may change stays: managers, and members of active departments that handle stays. */
export function handlesStays({ me, directory }: Pick<State, "me" | "directory">): boolean {
  if (me.role === "manager") return true;
  const own = new Set(me.departments.map(({ id }) => id));
  return directory.departments.some(({ id, active, handles_stays }) => active && handles_stays && own.has(id));
}
