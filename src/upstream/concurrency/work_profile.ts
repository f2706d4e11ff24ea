/**
 * What is known of the requests that workers are given. Pure.
 *
 * @module
 */

import { ChangeOfWork, type Exertion } from "./change_of_work.ts";
import { ENOUGH_COUNT, type LatencySample } from "./latency_sample.ts";
import { LatencyTrend } from "./latency_trend.ts";

/** How much requests are taken to differ before they are known. */
const FIRST_SPREAD = 0.5;

/** What one more look counts in how much requests differ, and in what one is expected to take. */
const LOOK_WEIGHT = 0.3;

/** Ratio of the requests of a look that must be back for their mean to be what is expected of others. */
const LEAST_RETURNED = 0.75;

/** Requests at a worker from which on their order may be that of its connections, new ones of which it sees late. */
const CROWD = 16;

/** Requests whose latency is remembered, as it grew with how many there were. */
const REMEMBERED = 500;

/** Requests without which that says nothing ... */
const LEAST_REMEMBERED = 200;

/** ... and where there is haste. */
const HASTY_REMEMBERED = 50;

/** Elasticity of the latency from which on requests wait for each other ... */
const TURNS_ELASTICITY = 0.5;

/** ... if it is so much above, in standard errors. */
const CLEAR_ERRORS = 3;

/** Learns what requests are like. */
export class WorkProfile {
  /** What a request usually takes, however long a few do, in milliseconds; 0 while it is not known. */
  usualMs = 0;
  /** How many were at a worker then. */
  usualConcurrency = 1;
  #expectedMs = 0;
  #spread = FIRST_SPREAD;
  #parallelism = 1;
  #trend = new LatencyTrend();
  readonly #changeOfWork = new ChangeOfWork();

  /** What a request takes at the present limit, in milliseconds; 0 while it is not known, and where that it takes longer says nothing. */
  expectedMs(limit: number): number {
    return this.full || this.computes(limit) ? 0 : this.#expectedMs;
  }

  /** Whether requests compute rather than wait, at this limit: what takes them longer does so because others have the CPU, and no more would be finished if workers were given more. */
  computes(limit: number): boolean {
    return this.#changeOfWork.computes(limit);
  }

  /** Whether workers hardly compute while they have requests. */
  get waits(): boolean {
    return this.#changeOfWork.waits;
  }

  /** Whether workers compute for most of the time that they have requests. */
  get full(): boolean {
    return this.#changeOfWork.full;
  }

  /** Whether workers that were full compute by far less than they did. */
  get spare(): boolean {
    return this.#changeOfWork.spare;
  }

  /** How much requests differ, as a standard deviation relative to the mean. */
  get spread(): number {
    return this.#spread;
  }

  /** Threads that a worker with requests keeps busy all the time; 0 where it does not, or that is not known. */
  get busyThreads(): number {
    return this.#changeOfWork.busyThreads;
  }

  /** How many a worker does at once: as the order in which they were served has shown, and no more than it has threads that compute. */
  get parallelism(): number {
    const { busyThreads } = this;
    return busyThreads === 0
      ? this.#parallelism
      : Math.min(this.#parallelism, busyThreads);
  }

  /** Takes note of what workers compute; returns whether it is other work than before. */
  watch(exertion: Exertion): boolean {
    return this.#changeOfWork.look(exertion);
  }

  /** Takes note of requests at the present limit, which are other work where they have `drifted`. */
  note(base: LatencySample, drifted: boolean): void {
    this.usualMs = base.usualMs;
    this.usualConcurrency = Math.max(1, base.concurrency);
    this.#spread += LOOK_WEIGHT * (base.spread - this.#spread);
    const weight = this.#expectedMs === 0
      ? 1
      : LOOK_WEIGHT * Math.min(1, base.count / ENOUGH_COUNT);
    // Those that are back first are the quick ones.
    if (base.count >= LEAST_RETURNED * base.taken) {
      this.#expectedMs += weight * (base.meanMs - this.#expectedMs);
    }
    if (drifted) this.#forgetOrder();
    this.#trend.include(base.trend, REMEMBERED);
    const enough = base.rushed ? HASTY_REMEMBERED : LEAST_REMEMBERED;
    if (takesTurns(this.#trend, enough)) this.#parallelism = 1;
    else if (isOrderly(base)) {
      this.#parallelism = Math.max(this.#parallelism, base.parallelism);
    }
  }

  /** The limit is another, at which a request should take so long; 0 where that is not known. */
  expect(milliseconds: number): void {
    this.#expectedMs = milliseconds;
  }

  /** The work is another, of which nothing is known. */
  forget(): void {
    this.#spread = FIRST_SPREAD;
    this.#forgetOrder();
  }

  #forgetOrder(): void {
    this.#parallelism = 1;
    this.#trend = new LatencyTrend();
  }
}

/** Whether the order in which requests were served says how many a worker does at once: not where any of a crowd may be next. */
function isOrderly(base: LatencySample): boolean {
  const { concurrency, parallelism } = base;
  const few = concurrency < CROWD && !base.rushed;
  return few || 2 * parallelism <= concurrency;
}

/**
 * Whether requests took the longer the more there were: they wait for each
 * other, in whatever order they are served. A worker with one thread that reads
 * many connections takes them in any order: who asks again on one that is read
 * already goes before those that have come on others.
 */
function takesTurns(
  { count, elasticity }: LatencyTrend,
  enough: number,
): boolean {
  return count >= enough && elasticity !== null &&
    elasticity.value - CLEAR_ERRORS * elasticity.error >= TURNS_ELASTICITY;
}
