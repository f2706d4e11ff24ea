/**
 * How many requests an upstream is given at once: as many as are set, or as
 * were found to make sense.
 *
 * @module
 */

import { AdaptiveConcurrency } from "./concurrency/adaptive_concurrency.ts";
import type { Upstream } from "./upstream.ts";

/**
 * Requests that a worker of one connection at a time is given: one that it
 * serves, and one that waits for it to accept. Many let five wait at most, and
 * drop those beyond, whose clients try again a second later.
 */
const SERIAL_CAP = 2;

/** Says whether an upstream may be given one more. */
export class WorkerLimit {
  /** Finds the limit; `null` where it is set. */
  readonly adaptive: AdaptiveConcurrency | null;
  /** What is set; 0 is no limit. */
  readonly #cap: number;
  #lifted = false;

  /** Creates a limit that is `workerConcurrency`, or found where `adapts`. */
  constructor(workerConcurrency: number | "auto", adapts: boolean) {
    const auto = workerConcurrency === "auto";
    this.#cap = auto ? 0 : workerConcurrency;
    this.adaptive = auto && adapts ? new AdaptiveConcurrency() : null;
  }

  /** Requests in flight per upstream, as far as is known; 0 is no limit. */
  get concurrency(): number {
    return this.adaptive?.limit ?? this.#cap;
  }

  /** Whether an upstream may be given one more. */
  admits(upstream: Upstream): boolean {
    if (this.adaptive !== null) {
      if (upstream.serial && upstream.inFlight >= SERIAL_CAP) return false;
      return this.#lifted || this.adaptive.admits(upstream);
    }
    return this.#cap === 0 || upstream.inFlight < this.#cap;
  }

  /** Makes a choice without the limit that was found: that is a help, and no bound. */
  lift<T>(choose: () => T): T {
    this.#lifted = true;
    const chosen = choose();
    this.#lifted = false;
    return chosen;
  }
}
