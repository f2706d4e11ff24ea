/**
 * How one upstream is chosen among those that may be given work. Pure.
 *
 * @module
 */

import type { Upstream } from "../upstream.ts";

/** What a policy may base its choice on. */
export interface Choice {
  /** The published set, in slot order. Never empty. */
  readonly upstreams: readonly Upstream[];
  /** Whether the upstream may be given this request. */
  readonly eligible: (upstream: Upstream) => boolean;
  /** Index after the one chosen last, below `upstreams.length`. */
  readonly turn: number;
  /** A number that is the same for all requests of one client. */
  readonly clientHash: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** A way to choose. */
export interface Policy {
  /** Returns the index of the upstream to use, or -1 when none is eligible. */
  readonly choose: (choice: Choice) => number;
  /** Whether a client belongs to one upstream: slow start then moves clients, else requests. */
  readonly sticky: boolean;
}

/** Walks the set once from `from` and returns the first eligible index, or -1. */
export function firstEligible(choice: Choice, from: number): number {
  const { upstreams, eligible } = choice;
  const count = upstreams.length;
  for (let step = 0; step < count; step++) {
    const index = from + step < count ? from + step : from + step - count;
    if (eligible(upstreams[index]!)) return index;
  }
  return -1;
}
