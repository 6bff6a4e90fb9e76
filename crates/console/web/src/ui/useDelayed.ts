import { useEffect, useState } from "react";

/** True once `condition` has held for `delay` milliseconds. */
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
