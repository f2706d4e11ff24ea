/**
 * Whether a worker fails the requests it is given where its peers do not, and
 * whether that is its own doing. Pure.
 *
 * The word is Envoy's. That a worker fails says little: a database may be away,
 * or a client may ask for what fails everywhere. What counts is that the others
 * were given the same requests at the same time, and did not fail them.
 *
 * @module
 */

import {
  errorRatio,
  NO_OUTCOMES,
  type Outcomes,
  sumOutcomes,
} from "./outcomes.ts";

/**
 * Fewest requests by which a worker is judged, and fewest that its peers must
 * have had meanwhile. Fewer show nothing: of three, all may fail by chance.
 */
const LEAST_REQUESTS = 20;

/**
 * Share of its requests from which on a worker is worth replacing. One that
 * serves most of them is better than the wait for another, and what it fails is
 * rather a route than the worker.
 */
const FAILING_RATIO = 0.5;

/**
 * Share up to which a peer counts as well. Where more than this fails with the
 * others, too, the cause is hardly in one worker.
 */
const WELL_RATIO = 0.1;

/**
 * Standard errors by which the shares must differ. It matters with few requests:
 * 10 of 20 beside 2 of 20 are 2.8. Where a quarter of all requests fails, four
 * are exceeded by one window in 10,000 with four workers of 20 requests, and in
 * two windows in a row by chance not once in half a year.
 */
const LEAST_STANDARD_ERRORS = 4;

/**
 * Failures that the peers would have had to show, had these followed the
 * requests to them, before it is said that they have not.
 */
const EXPECTED_FAILURES = 8;

/** A worker beside those of its peers that are well, over the same time. */
export interface Comparison {
  readonly own: Outcomes;
  readonly peers: Outcomes;
}

/**
 * Returns those of `peers` that do not fail; nobody, where with the worker that
 * is judged they are less than half of those that had requests.
 */
export function wellPeers<P>(peers: ReadonlyMap<P, Outcomes>): readonly P[] {
  const busy = [...peers].filter(([, { requests }]) => requests > 0);
  const well = busy.filter(([, outcomes]) =>
    errorRatio(outcomes) <= WELL_RATIO
  );
  return 2 * well.length > busy.length ? well.map(([peer]) => peer) : [];
}

/**
 * Returns what a comparison shows.
 *
 * @example
 * ```ts
 * import { judgeOutlier } from "./outlier.ts";
 * import assert from "node:assert/strict";
 *
 * const outcomes = (requests: number, errors: number) => (
 *   { requests, errors, latencySumMs: 0 }
 * );
 * const peers = outcomes(60, 1);
 * assert.equal(judgeOutlier({ own: outcomes(9, 9), peers }), "open");
 * assert.equal(judgeOutlier({ own: outcomes(20, 2), peers }), "ordinary");
 * assert.equal(judgeOutlier({ own: outcomes(20, 19), peers }), "outlier");
 * ```
 */
export function judgeOutlier(
  { own, peers }: Comparison,
): "open" | "ordinary" | "outlier" {
  if (own.requests < LEAST_REQUESTS || peers.requests < LEAST_REQUESTS) {
    return "open";
  }
  const ratio = errorRatio(own);
  const peerRatio = errorRatio(peers);
  if (ratio < FAILING_RATIO || peerRatio > WELL_RATIO) return "ordinary";
  const pooled = (own.errors + peers.errors) / (own.requests + peers.requests);
  const standardError = Math.sqrt(
    pooled * (1 - pooled) * (1 / own.requests + 1 / peers.requests),
  );
  return ratio - peerRatio >= LEAST_STANDARD_ERRORS * standardError
    ? "outlier"
    : "ordinary";
}

/**
 * Returns whose doing the failures of an outlier are, by what its peers have
 * failed since they are given its requests, too.
 *
 * Requests may have failed at one worker alone and for no fault of its own: a
 * client that is tied to it makes them, or one that makes every second request
 * so, of two workers that have their turns. Such failures follow the requests.
 *
 * @param after What the same peers have done since.
 * @param last Whether there is no more time for doubts.
 */
export function whoseDoing(
  { own, peers }: Comparison,
  after: Outcomes,
  last: boolean,
): "open" | "worker" | "requests" {
  const alone = errorRatio(peers);
  const following = errorRatio(sumOutcomes([own, peers]));
  const enough = after.requests >= LEAST_REQUESTS &&
    after.requests * (following - alone) >= EXPECTED_FAILURES;
  if (!enough && !last) return "open";
  return errorRatio(after) > (alone + following) / 2 ? "requests" : "worker";
}

/** What has come since there was no more than `before`. */
export function outcomesSince(
  now: Outcomes,
  before: Outcomes = NO_OUTCOMES,
): Outcomes {
  return {
    requests: now.requests - before.requests,
    errors: now.errors - before.errors,
    latencySumMs: now.latencySumMs - before.latencySumMs,
  };
}
