import { median } from "./statistics";

type Unit = "ms" | "s" | "KB" | "MB" | "";

/** A measured quantity, one row of the table. */
export interface Figure {
  readonly name: string;
  readonly unit: Unit;
  /** Maximum of the median; null for a figure without a target. */
  readonly target: number | null;
  /** One value per round. */
  readonly values: readonly number[];
}

/** Number of decimals by unit. */
const DECIMALS: Record<Unit, number> = { ms: 1, s: 2, KB: 1, MB: 1, "": 0 };

/** Formats the figures as a Markdown table: the median of all rounds, with minimum and maximum. */
export function formatTable(figures: readonly Figure[]): string {
  const lines = figures.map(({ name, unit, target, values }) => {
    const measured = median(values);
    const isMissed = target !== null && measured > target;
    const goal = target === null ? "–" : withUnit(target, unit);
    return `| ${name} | ${goal} | ${withUnit(measured, unit)}${rangeOf(values, unit)} | ${isMissed ? "NOT" : target === null ? "" : "ok"} |`;
  });
  return ["| figure | target | measured | |", "|---|---|---|---|", ...lines].join("\n");
}

function rangeOf(values: readonly number[], unit: Unit): string {
  if (values.length === 1) return "";
  return ` (${number(Math.min(...values), unit)}–${number(Math.max(...values), unit)})`;
}

function withUnit(value: number, unit: Unit): string {
  return `${number(value, unit)} ${unit}`.trim();
}

function number(value: number, unit: Unit): string {
  // `Number` drops trailing zeros, so that targets stay short.
  return Number(value.toFixed(DECIMALS[unit])).toLocaleString("en-GB");
}
