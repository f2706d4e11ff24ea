/**
 * Tells clients that have given up from those that whoever sent them has taken
 * along: a load test that ends, a proxy in front that is restarted.
 *
 * Who gives up goes after a time of its own, and others go before and after it;
 * those that lost patience together have waited alike. Of clients that are
 * taken along some have just come, others are the next to be served, and all of
 * them go at once.
 *
 * Has no clock: the owner tells the time.
 *
 * @module
 */

/** Clients that must have gone between two sweeps to be a crowd. */
const LEAST_CROWD = 3;

/** Where one of them has waited for less than this share of what another has, they have not waited alike. */
const ALIKE_RATIO = 0.5;

/** After a crowd some must have gone at so many sweeps to be clients that give up: the end of thousands of connections is noticed over several. */
const LEAST_SWEEPS = 5;

/** How long after a crowd others belong to it, in milliseconds. */
const LULL_MS = 1_000;

/** Waits that are kept; more say nothing more. */
const KEPT = 15;

/** Clients that have given up. */
export interface GivenUp {
  readonly count: number;
  /** How long they had waited, in milliseconds: the last of them. */
  readonly waitsMs: readonly number[];
}

const NOBODY: GivenUp = { count: 0, waitsMs: [] };

function sumOf(a: GivenUp, b: GivenUp): GivenUp {
  return {
    count: a.count + b.count,
    waitsMs: [...a.waitsMs, ...b.waitsMs].slice(-KEPT),
  };
}

/** Those that go, from one sweep to the next. */
export class Departures {
  readonly #leastWaitMs: number;
  /** Of those since the last sweep. */
  #gone = 0;
  #shortestMs = Infinity;
  #longestMs = 0;
  #waited: GivenUp = NOBODY;
  /** Those of a crowd of which it is not known yet what it is. */
  #aside: GivenUp = NOBODY;
  /** Sweeps at which some of it had gone, and when these were last a crowd. */
  #sweeps = 0;
  #crowdAt = -Infinity;

  /** Knows of none. @param leastWaitMs The least wait of one that counts: who goes sooner has another reason. */
  constructor(leastWaitMs: number) {
    this.#leastWaitMs = leastWaitMs;
  }

  /** Clients that have gone since the last sweep, whatever they had waited. */
  get gone(): number {
    return this.#gone;
  }

  /** Takes note that a client has gone after so long. */
  add(waitedMs: number): void {
    this.#gone++;
    this.#shortestMs = Math.min(this.#shortestMs, waitedMs);
    this.#longestMs = Math.max(this.#longestMs, waitedMs);
    if (waitedMs < this.#leastWaitMs) return;
    this.#waited = sumOf(this.#waited, { count: 1, waitsMs: [waitedMs] });
  }

  /** To be called at each sweep: who is known to have given up that was not before. */
  take(now: number): GivenUp {
    const gone = this.#gone;
    const waited = this.#waited;
    const alike = this.#shortestMs >= ALIKE_RATIO * this.#longestMs;
    this.#gone = this.#longestMs = 0;
    this.#shortestMs = Infinity;
    this.#waited = NOBODY;
    if (now - this.#crowdAt > LULL_MS) {
      this.#sweeps = 0;
      this.#aside = NOBODY;
    }
    const crowd = gone >= LEAST_CROWD && !alike;
    if (gone === 0 || !crowd && this.#sweeps === 0) return waited;
    if (crowd) this.#crowdAt = now;
    const all = sumOf(this.#aside, waited);
    const givenUp = ++this.#sweeps >= LEAST_SWEEPS;
    this.#aside = givenUp ? NOBODY : all;
    return givenUp ? all : NOBODY;
  }
}
