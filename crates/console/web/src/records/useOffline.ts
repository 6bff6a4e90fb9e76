import { useEffect, useState } from "react";

import { useStore } from "../store/store";

/** In milliseconds: a shorter gap is not worth a word. */
const GAP = 1_500;

/** Whether the connection is lost: what is on screen can be read, not changed. */
export function useOffline(): boolean {
  const since = useStore(({ connection }) => (connection.phase === "offline" ? connection.since : null));
  const [lasting, setLasting] = useState(() => (since !== null && Date.now() - since >= GAP ? since : null));
  useEffect(() => {
    if (since === null) return;
    const timer = setTimeout(() => setLasting(since), Math.max(0, since + GAP - Date.now()));
    return () => clearTimeout(timer);
  }, [since]);
  return since !== null && lasting === since;
}
