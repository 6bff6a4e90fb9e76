import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { session } from "./session/session";

const queries = new QueryClient({ defaultOptions: { queries: { retry: 1, refetchOnWindowFocus: true } } });

/** Id of the staff member whose data is in the cache. */
let person = personNow();
session.subscribe(() => {
  const next = personNow();
  // The cache stays while the session is over, and is cleared for another staff member.
  if (next !== person) queries.clear();
  person = next;
});

/**
 * Provides the React Query cache for data that is not live. Imported only by chunks that need it; the conversation list
 * does not.
 */
export default function WithQueries({ children }: { children: ReactNode }) {
  return <QueryClientProvider client={queries}>{children}</QueryClientProvider>;
}

function personNow(): number | null {
  const state = session.getState();
  return "me" in state ? state.me.id : null;
}
