/**
 * When workers are so far behind that most clients have given up before they
 * are served: then what is finished is finished for nobody, and no latency is
 * seen that could say so. Pure.
 *
 * @module
 */

/** What the limit is divided by: there is little to lose. */
export const COLLAPSE_FACTOR = 4;

/** Clients that must have given up: fewer are chance. */
const LEAST_ABANDONED = 10;

/** How long what happened counts, in milliseconds. */
const WINDOW_MS = 1_000;

/** What has been counted, ever. */
interface Counts {
  readonly now: number;
  /** Requests that were served. */
  readonly finished: number;
  /** Requests whose clients have gone. */
  readonly abandoned: number;
}

/** Watches what becomes of requests. */
export class Collapse {
  #since: Counts | null = null;

  /** Takes note of the counts, a few times a second; returns whether more were abandoned than served. */
  look(counts: Counts): boolean {
    const since = this.#since ??= counts;
    if (counts.now - since.now < WINDOW_MS) return false;
    this.#since = counts;
    const abandoned = counts.abandoned - since.abandoned;
    return abandoned >= LEAST_ABANDONED &&
      abandoned > counts.finished - since.finished;
  }
}
