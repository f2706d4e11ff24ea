/**
 * What the open-loop generator is told and what it tells.
 *
 * @module
 */

import { quantile } from "../support/figures.ts";
import type { HttpClientOptions } from "../support/http_client.ts";
import type { Target } from "../support/node_apps.ts";

/** What the generator shall do. */
export interface LoadSpec extends HttpClientOptions {
  /** Arrivals in a second, in the mean. */
  readonly rate: number;
  readonly seconds: number;
  readonly seed: number;
  readonly targets: readonly Target[];
}

/** How long something took, in milliseconds; NaN of nothing. */
export interface Distribution {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What came of a run. */
export interface LoadResult {
  readonly arrivals: number;
  /** Answered 200 within the deadline. */
  readonly succeeded: number;
  /** Answered 503. */
  readonly rejected: number;
  /** Anything else, lateness included. */
  readonly failed: number;
  /** Of those that succeeded, from the time each was to be sent. */
  readonly latency: Distribution;
  /** Of those answered 503, from the time each was sent. */
  readonly rejection: Distribution;
  /** How much later than planned requests were sent: the generator's own fault. */
  readonly lag: Distribution;
}

/** Sums up durations. */
export function distribution(values: readonly number[]): Distribution {
  return {
    p50: quantile(values, 0.5),
    p95: quantile(values, 0.95),
    p99: quantile(values, 0.99),
    max: quantile(values, 1),
  };
}
