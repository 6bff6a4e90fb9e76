import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { session } from "./session/session";

const queries = new QueryClient({ defaultOptions: { queries: { retry: 1, refetchOnWindowFocus: true } } });

/** Whose data is in the cache. */
let person = personNow();
session.subscribe(() => {
  const next = personNow();
  // While the session is over the page stays; for another person nothing of it does.
  if (next !== person) queries.clear();
  person = next;
});

/** Gives data that is not live to the screens below. In their chunks: the list of conversations needs none. */
export default function WithQueries({ children }: { children: ReactNode }) {
  return <QueryClientProvider client={queries}>{children}</QueryClientProvider>;
}

function personNow(): number | null {
  const state = session.getState();
  return "me" in state ? state.me.id : null;
}
