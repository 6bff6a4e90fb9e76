export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Returns the 95th percentile. */
export function p95(values: readonly number[]): number {
  return quantile(values, 0.95);
}

function quantile(values: readonly number[], share: number): number {
  const ascending = values.toSorted((a, b) => a - b);
  const found = ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)];
  if (found === undefined) throw new Error("nothing was measured");
  return found;
}
