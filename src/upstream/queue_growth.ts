/**
 * When a queue grows and goes on growing although workers finish as many
 * requests as they ever did: more come than can be served. Pure.
 *
 * A burst, and clients that each wait for their response, however many, make a
 * queue long at once, and not longer. Where workers finish less than before,
 * they are held up, or are given too little at once; that passes, and turning
 * requests away would not help.
 *
 * @module
 */

/** How long it must have grown, in milliseconds ... */
const GROWTH_MS = 1_500;

/** ... and at most is looked back: where little more comes than can be served, it shows late. */
const LONGEST_GROWTH_MS = 10_000;

/** Parts of that, in each of which it must have grown: a burst that is over is worked off. */
const PARTS = 4;

/** Growth in each, as a ratio of what it would be if it were the same in all. */
const LEAST_SHARE = 0.5;

/** The wait of one that joins from which on it matters, in milliseconds. */
const LONG_WAIT_MS = 1_000;

/** Growth that is no chance: so many times the square root of what was finished meanwhile, which is what that differs by where requests do. */
const LEAST_DEVIATIONS = 3;

/** And this part of what was finished: less is served when a few clients go. */
const LEAST_GROWTH_RATIO = 0.05;

/** What was finished meanwhile must be so much of the most there was. */
const FULL_RATIO = 0.6;

/** How long the most that was finished counts, in milliseconds. */
const MEMORY_MS = 10_000;

/** What there was at a time. */
export interface Backlog {
  readonly now: number;
  /** Requests that wait. */
  readonly queued: number;
  /** Requests that workers are at. */
  readonly working: number;
  /** Requests that were finished so far. */
  readonly finished: number;
}

/** Watches a queue, and what workers have beside. */
export class QueueGrowth {
  /** What it was of late, the oldest first. */
  #looks: Backlog[] = [];
  /** The most requests that were finished in a millisecond. */
  #most = 0;

  /** Takes note, a few times a second; returns whether more come than can be served. */
  look(present: Backlog): boolean {
    const { now } = present;
    const looks = this.#looks;
    const before = looks.at(-1)?.now ?? now;
    this.#most *= Math.exp((before - now) / MEMORY_MS);
    looks.push(present);
    while (looks[0]!.now < now - LONGEST_GROWTH_MS) looks.shift();
    const since = this.#lookAt(now - GROWTH_MS);
    if (since === undefined) return false;
    const rate = rateOf(since, present);
    this.#most = Math.max(this.#most, rate);
    if (rate === 0 || rate < FULL_RATIO * this.#most) return false;
    const waitMs = total(present) / rate;
    if (waitMs < LONG_WAIT_MS) return false;
    const joined = this.#lookAt(now - waitMs) ?? looks[0]!;
    const first = joined.now < since.now ? joined : since;
    return this.#keepsGrowing(since, present) && isMore(first, present);
  }

  /** What there was at a time; `undefined` before it was looked at. */
  #lookAt(at: number): Backlog | undefined {
    return this.#looks.findLast(({ now }) => now <= at);
  }

  #keepsGrowing(first: Backlog, last: Backlog): boolean {
    const growth = Math.max(1, total(last) - total(first));
    const elapsedMs = last.now - first.now;
    let before = first;
    for (let part = 1; part <= PARTS; part++) {
      const look = this.#lookAt(first.now + part * elapsedMs / PARTS)!;
      const share = growth * (look.now - before.now) / elapsedMs;
      if (total(look) - total(before) < LEAST_SHARE * share) return false;
      before = look;
    }
    // What workers are given at once is no queue.
    const lately = last.now - elapsedMs / PARTS;
    return this.#looks.every(({ now, queued }) => now < lately || queued > 0);
  }
}

/** Whether it has grown by more than by chance. */
function isMore(first: Backlog, last: Backlog): boolean {
  const finished = last.finished - first.finished;
  return total(last) - total(first) >= Math.max(
    LEAST_DEVIATIONS * Math.sqrt(finished),
    LEAST_GROWTH_RATIO * finished,
  );
}

function rateOf(first: Backlog, last: Backlog): number {
  return (last.finished - first.finished) / (last.now - first.now);
}

function total({ queued, working }: Backlog): number {
  return queued + working;
}
