/**
 * What the search for a limit is at, and what it looks at.
 *
 * @module
 */

import type { LatencySample } from "./latency_sample.ts";
import type { Trial } from "./trial.ts";

/** Where the search is. */
export type Phase =
  /** Nothing is sampled until `until`. */
  | { readonly type: "rest"; readonly until: number }
  /** The latency at the limit is measured. */
  | { readonly type: "look"; readonly base: LatencySample }
  /** Workers are given more, to see whether the limit still fits. */
  | { readonly type: "surge" }
  /** The latency at another limit is measured. */
  | ({ readonly type: "trial" } & Trial)
  /** The limit is back; the last requests of the trial are awaited. */
  | ({ readonly type: "verdict" } & Trial);

/** What is under way. */
export interface PoolLoad {
  /** Requests that wait for a worker. */
  readonly queued: number;
  /** Requests that workers are at. */
  readonly working: number;
  /** Of those, requests that no later ones have overtaken: they may be waiting for each other. */
  readonly inTurn: number;
  /** Workers. */
  readonly workers: number;
}
