import { useEffect, useState } from "react";

/** Returns `true` once `condition` has been true for `delay` milliseconds. */
export function useDelayed(condition: boolean, delay: number): boolean {
  const [isDue, setDue] = useState(false);
  useEffect(() => {
    if (!condition) return;
    const timer = setTimeout(() => setDue(true), delay);
    return () => {
      clearTimeout(timer);
      setDue(false);
    };
  }, [condition, delay]);
  return condition && isDue;
}
