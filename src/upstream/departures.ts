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

/** Waits that are remembered: more say nothing more. */
const REMEMBERED = 15;

/** Clients that have given up. */
export interface GivenUp {
  readonly count: number;
  /** How long they had waited, in milliseconds: the last of them. */
  readonly waitsMs: readonly number[];
}

const NOBODY: GivenUp = { count: 0, waitsMs: [] };

/** The last of those waits, in the order in which they ended. */
export function lastWaits(
  before: readonly number[],
  after: readonly number[],
): readonly number[] {
  return [...before, ...after].slice(-REMEMBERED);
}

function sumOf(a: GivenUp, b: GivenUp): GivenUp {
  return {
    count: a.count + b.count,
    waitsMs: lastWaits(a.waitsMs, b.waitsMs),
  };
}

/** Clients that have gone since a sweep. */
interface Gone {
  readonly count: number;
  readonly shortestMs: number;
  readonly longestMs: number;
  /** Those of them that had waited for long enough to count. */
  readonly waited: GivenUp;
}

const NOBODY_GONE: Gone = {
  count: 0,
  shortestMs: Infinity,
  longestMs: 0,
  waited: NOBODY,
};

/** Those that go, from one sweep to the next. */
export class Departures {
  readonly #leastWaitMs: number;
  #since = NOBODY_GONE;
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
    return this.#since.count;
  }

  /** Takes note that a client has gone after so long. */
  add(waitedMs: number): void {
    const { count, shortestMs, longestMs, waited } = this.#since;
    this.#since = {
      count: count + 1,
      shortestMs: Math.min(shortestMs, waitedMs),
      longestMs: Math.max(longestMs, waitedMs),
      waited: waitedMs < this.#leastWaitMs
        ? waited
        : sumOf(waited, { count: 1, waitsMs: [waitedMs] }),
    };
  }

  /** To be called at each sweep: who is known to have given up that was not before. */
  take(now: number): GivenUp {
    const { count, shortestMs, longestMs, waited } = this.#since;
    this.#since = NOBODY_GONE;
    if (now - this.#crowdAt > LULL_MS) {
      this.#sweeps = 0;
      this.#aside = NOBODY;
    }
    const crowd = count >= LEAST_CROWD &&
      shortestMs < ALIKE_RATIO * longestMs;
    if (count === 0 || !crowd && this.#sweeps === 0) return waited;
    if (crowd) this.#crowdAt = now;
    const all = sumOf(this.#aside, waited);
    const givenUp = ++this.#sweeps >= LEAST_SWEEPS;
    this.#aside = givenUp ? NOBODY : all;
    return givenUp ? all : NOBODY;
  }
}
