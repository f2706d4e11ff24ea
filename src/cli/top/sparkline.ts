/**
 * A chart of one line. Pure.
 *
 * @module
 */

/** Heights, the least first. */
const BLOCKS = "▁▂▃▄▅▆▇█";
/** The same for terminals that have ASCII alone. */
const ASCII_BLOCKS = "_.:-=+*#";

/** How a chart is drawn. */
export interface SparklineOptions {
  /** Characters it takes; of more values the last are shown. */
  readonly width: number;
  /** The value that is as high as can be. @default {the greatest shown} */
  readonly max?: number;
  /** Whether ASCII has to do. @default {false} */
  readonly ascii?: boolean;
}

/**
 * Draws values from left to right, the last one at the right end; where there
 * is none, nothing.
 *
 * @example
 * ```ts
 * import { sparkline } from "./sparkline.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(sparkline([0, null, 4, 8], { width: 6 }), "  ▁ ▅█");
 * ```
 */
export function sparkline(
  values: readonly (number | null)[],
  { width, max, ascii = false }: SparklineOptions,
): string {
  const shown = width <= 0 ? [] : values.slice(-width);
  const top = max ?? Math.max(0, ...shown.map((value) => value ?? 0));
  const blocks = ascii ? ASCII_BLOCKS : BLOCKS;
  return shown.map((value) => {
    if (value === null) return " ";
    const ratio = top <= 0 ? 0 : Math.min(Math.max(value / top, 0), 1);
    return blocks[Math.round(ratio * (blocks.length - 1))]!;
  }).join("").padStart(Math.max(width, 0));
}
