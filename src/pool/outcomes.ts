/**
 * What came of a worker's requests, by which workers are compared. Pure.
 *
 * @module
 */

import type { UpstreamFigures } from "../plane/contract.ts";

/** What came of requests: those of one worker, or of several. */
export interface Outcomes {
  /** Requests finished. */
  readonly requests: number;
  /** Those of them that failed on the worker's side, or got 5xx. */
  readonly errors: number;
  /** How long the workers had them, in milliseconds. */
  readonly latencySumMs: number;
}

/** Of nothing. */
export const NO_OUTCOMES: Outcomes = {
  requests: 0,
  errors: 0,
  latencySumMs: 0,
};

/** What has come of a worker's requests so far. */
export function outcomesOf(
  { upstream: { figures } }: {
    readonly upstream: { readonly figures: UpstreamFigures };
  },
): Outcomes {
  const { requests, failures, serverErrors, latencySumMs } = figures;
  return { requests, errors: failures + serverErrors, latencySumMs };
}

/** Adds up what came of several workers' requests. */
export function sumOutcomes(all: readonly Outcomes[]): Outcomes {
  return all.reduce((sum, one) => ({
    requests: sum.requests + one.requests,
    errors: sum.errors + one.errors,
    latencySumMs: sum.latencySumMs + one.latencySumMs,
  }), NO_OUTCOMES);
}

/** Share of requests that failed; 0 where there were none. */
export function errorRatio({ requests, errors }: Outcomes): number {
  return errors / Math.max(requests, 1);
}
