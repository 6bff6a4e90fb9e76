import { useEffect, useState } from "react";

import { useStore } from "../store/store";

/** Minimum duration in milliseconds of a lost connection before the screen shows it. */
const OFFLINE_DELAY = 1_500;

/** Returns whether the connection is lost, so that data can be read but not changed. */
export function useOffline(): boolean {
  const since = useStore(({ connection }) => (connection.phase === "offline" ? connection.since : null));
  const [lasting, setLasting] = useState(() => (since !== null && Date.now() - since >= OFFLINE_DELAY ? since : null));
  useEffect(() => {
    if (since === null) return;
    const timer = setTimeout(() => setLasting(since), Math.max(0, since + OFFLINE_DELAY - Date.now()));
    return () => clearTimeout(timer);
  }, [since]);
  return since !== null && lasting === since;
}
