/**
 * What the latency of requests says, of which there were fewer and more at
 * once. Pure.
 *
 * @module
 */

import { type LatencySample, LEAST_COUNT } from "./latency_sample.ts";
import type { Elasticity } from "./latency_trend.ts";

/** Factor of concurrency between two samples below which their latencies say nothing. */
export const LEAST_CONTRAST = 1.2;

/** A latency that has changed by this factor is that of other work. */
const DRIFT_FACTOR = 1.5;

/** Standard errors that are no chance. */
const CLEAR_ERRORS = 3;

/** Returns how the latency grows with concurrency, or `null` when it cannot be told. */
export function elasticityOf(
  fewer: LatencySample,
  more: LatencySample,
): Elasticity | null {
  const contrast = more.concurrency / fewer.concurrency;
  // Without requests these are no numbers, of which all comparisons are false.
  const clear = fewer.count >= LEAST_COUNT && more.count >= LEAST_COUNT &&
    contrast >= LEAST_CONTRAST && fewer.meanMs > 0;
  if (!clear) return null;
  const value = Math.log(more.meanMs / fewer.meanMs) / Math.log(contrast);
  const error = Math.hypot(fewer.relativeError, more.relativeError) /
    Math.log(contrast);
  return { value: Math.min(1, Math.max(0, value)), error };
}

/** Whether the latency is another than the concurrency explains, whatever the workers do. */
export function hasDrifted(known: LatencySample, base: LatencySample): boolean {
  const slower = base.meanMs / known.meanMs;
  const busier = base.concurrency / known.concurrency;
  // What is within the error is no change.
  const factor = Math.max(
    DRIFT_FACTOR,
    1 + CLEAR_ERRORS * Math.hypot(known.relativeError, base.relativeError),
  );
  return slower > Math.max(1, busier) * factor ||
    slower < Math.min(1, busier) / factor;
}
