/**
 * How many workers there is memory for. Pure.
 *
 * @module
 */

/** Share of the available memory that is left alone: workers grow as they work, and others live here too. */
const RESERVED_RATIO = 0.1;

/** What the number depends on. */
export interface MemoryUse {
  /** What can be had without swapping, in bytes; `null` when it is not known. */
  readonly availableBytes: number | null;
  /** Resident memory of each worker that runs, in bytes; `null` where it is not known. */
  readonly workerBytes: readonly (number | null)[];
  /** How many of them there are for the number: not those that are held back, kept for their clients, or on their way out. */
  readonly counted: number;
}

/**
 * Returns the number of workers there is memory for, those that count included,
 * going by what one of them uses on average; `null` when that is not known.
 *
 * @example
 * ```ts
 * import { memoryCeiling } from "./memory_ceiling.ts";
 * import assert from "node:assert/strict";
 *
 * const workerBytes = [40e6, 60e6];
 * assert.equal(memoryCeiling({ availableBytes: 200e6, workerBytes, counted: 2 }), 5);
 * ```
 */
export function memoryCeiling(
  { availableBytes, workerBytes, counted }: MemoryUse,
): number | null {
  const known = workerBytes.filter((bytes) => bytes !== null && bytes > 0);
  if (availableBytes === null || known.length === 0) return null;
  const total = known.reduce<number>((sum, bytes) => sum + bytes!, 0);
  const mean = total / known.length;
  const more = Math.floor(availableBytes * (1 - RESERVED_RATIO) / mean);
  return counted + more;
}
