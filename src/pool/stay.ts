/**
 * How long those are kept that have left their places, and serve on for their
 * clients: for a time at most, and a tenth of it if nobody wants them. Pure.
 *
 * @module
 */

/** Share of the longest time after which those are given up that get no requests. */
const UNUSED_RATIO = 0.1;

/** The least of that, in milliseconds: people read before they click. */
const LEAST_UNUSED_MS = 10_000;

/** What is known of their use. */
export interface Use {
  /** Requests finished. */
  readonly requests: number;
  /** Requests they have. */
  readonly inFlight: number;
}

/** Keeps account of one worker, or of several together. */
export class Stay {
  readonly #since: number;
  /** When they were last seen to have something to do. */
  #usedAt: number;
  /** Requests finished then. */
  #requests: number;

  /** Begins at `since`, when `requests` had been finished. */
  constructor(since: number, requests: number) {
    this.#since = this.#usedAt = since;
    this.#requests = requests;
  }

  /** Looks whether they have been used. */
  look({ requests, inFlight }: Use, now: number): void {
    if (inFlight > 0 || requests !== this.#requests) this.#usedAt = now;
    this.#requests = requests;
  }

  /** Whether the time is up, and why. */
  isOver(graceMs: number, now: number): "grace" | "unused" | null {
    if (now >= this.#since + graceMs) return "grace";
    return now >= this.#usedAt + unusedMs(graceMs) ? "unused" : null;
  }

  /** When it will be, if they are not used. */
  endsAt(graceMs: number): number {
    return Math.min(this.#since + graceMs, this.#usedAt + unusedMs(graceMs));
  }
}

function unusedMs(graceMs: number): number {
  return Math.max(graceMs * UNUSED_RATIO, LEAST_UNUSED_MS);
}
