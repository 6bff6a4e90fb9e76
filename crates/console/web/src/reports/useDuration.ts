import { useT } from "../i18n/i18n";
import { partsOf } from "./duration";

/** Returns the function that formats a duration in words, "1 h 20 min"; "–" for none. */
export function useDuration(): (seconds: number | null | undefined) => string {
  const t = useT();
  return (seconds) => {
    if (seconds === null || seconds === undefined) return "–";
    const { unit, ...parts } = partsOf(seconds);
    return t(`reports.${unit}`, parts);
  };
}
