/**
 * How exact the figures of `/_metrics` are. Pure.
 *
 * @module
 */

/** To a thousandth: finer is noise. What is not known stays so. */
export function rounded<T extends number | null>(value: T): T {
  if (value === null) return value;
  return Math.round(value * 1000) / 1000 as T;
}

/** The mean of `count` figures, rounded; `null` where there are none. */
export function roundedMean(sum: number, count: number): number | null {
  return count === 0 ? null : rounded(sum / count);
}
