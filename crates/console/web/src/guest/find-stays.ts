import { listStays } from "../api/hotel-calls";
import type { Stay } from "../api/types";

/** The most stays of each kind that a search offers. */
const SHOWN = 20;

/** Returns the stays to which a guest may be linked: current ones first; others only for a search. */
export async function findStays(search: string): Promise<readonly Stay[]> {
  if (search === "") return (await listStays({ current: true, page_size: SHOWN })).results;
  const [current, all] = await Promise.all([
    listStays({ search, current: true, page_size: SHOWN }),
    listStays({ search, page_size: SHOWN }),
  ]);
  const first = new Set(current.results.map(({ id }) => id));
  return [...current.results, ...all.results.filter(({ id }) => !first.has(id))];
}
