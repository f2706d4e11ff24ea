/**
 * A trial of another limit, and what limit it calls for. Pure.
 *
 * @module
 */

import { elasticityOf, hasDrifted } from "./elasticity.ts";
import { ENOUGH_COUNT, type LatencySample } from "./latency_sample.ts";
import type { Elasticity } from "./latency_trend.ts";

/** The first limit, and the greatest: so many at once are only too many where far more come than can be served, and more are as good as none. */
export const GREATEST_LIMIT = 256;

/**
 * Elasticity of the latency up to which a limit is not lowered: where requests
 * wait and compute by turns, the best limit is beyond the one at which they
 * begin to meet. With twice as many at once it is a latency 1.25 times as long;
 * Netflix's limiter tolerates 1.5 times.
 */
const TOLERATED_ELASTICITY = 0.32;

/** Elasticity below which a limit is not lowered at all: fewer at once would finish fewer, and others wait. */
const LEAST_ELASTICITY = 0.5;

/** The same where so many are at each worker: much is lost with less of them if they wait for something else. */
const LEAST_OF_A_CROWD = 0.75;
const CROWD = 16;

/**
 * Standard errors by which more at once is taken to be worse than it looked:
 * where most requests are quick and some are slow the latency of a few says
 * little, and what was raised by luck makes the quick wait behind the slow.
 */
const CAUTION = 0.5;

/** The same where requests that differ much were served in turn, and a worker has few: one more makes a difference. */
const CAUTION_IN_TURN = 1.5;
const FEW = 8;

/**
 * Room that is added before the fraction is dropped: at 1, a fifth more
 * throughput is worth a second request at once. So much is to be had where a
 * worker is idle between two requests, for the time the next one takes to come.
 */
const UP_ROUNDING = 0.8;

/** Elasticity, less its error, from which on nothing is to be tried: with twice as many at once requests take twice as long. */
const CLEAR_ELASTICITY = 0.7;

/** Requests without which that says nothing. */
const LEAST_CROWD = 24;

/** Standard deviation of the concurrency, as a factor, below which so few do not say it. */
const CROWD_CONTRAST = 1.5;

/** Factor by which more were at once than before, for both to be compared ... */
const LEAST_CROWDING = 2;

/** ... and how long ago that was at most, in milliseconds: later, it may be other work. */
const LONGEST_MEMORY_MS = 5_000;

/** How often a worker's requests are to have come and gone in a trial upwards, at least. */
const ROUNDS = 2;

/** Part of a trial's requests without which it says nothing. */
const LEAST_TRIAL_RATIO = 0.75;

/** How long a trial may wait for requests at least, in milliseconds: the time of a few, where they are quick. */
const LEAST_TRIAL_MS = 250;

/** A trial may take so many times as long as the requests it is compared with took ... */
const TRIAL_FACTOR = 4;

/** ... which counts up to so many times their latency: beyond, there was little to do. */
const BUSY_LATENCIES = 100;

/** Latency at a worker below which it is not worth lowering, in milliseconds: a limit costs as much where the worker is idle meanwhile, or some of those it has wait for something else. */
export const WORTHWHILE_MS = 2;

/** Whether a higher limit or a lower one is tried. */
export type Direction = "up" | "down";

/** Another limit, for as many requests as told the latency at the present one. */
export interface Trial {
  readonly base: LatencySample;
  readonly trial: LatencySample;
  readonly direction: Direction;
  /** Requests the trial is made with: as many as told the latency before. */
  readonly size: number;
  /** When requests are waited for no more. */
  readonly deadline: number;
}

/** Requests that a trial upwards is made with: no fewer than show more than the first moment, in which all that are let in come together. */
export function sizeUp(base: LatencySample, cap: number): number {
  return Math.min(ENOUGH_COUNT, Math.max(base.count, ROUNDS * cap));
}

/** How the latency grew with concurrency, or `null` when that cannot be told. */
export function outcomeOf(phase: Trial): Elasticity | null {
  const { base, trial, direction, size } = phase;
  const few = trial.count < size * LEAST_TRIAL_RATIO && !isInVain(phase);
  if (few) return null;
  return direction === "up"
    ? elasticityOf(base, trial)
    : elasticityOf(trial, base);
}

/** The limit that a trial upwards calls for. */
export function raised(
  limit: number,
  { value, error }: Elasticity,
  trial: LatencySample,
): number {
  const caution = trial.inTurn && limit < FEW ? CAUTION_IN_TURN : CAUTION;
  const likely = Math.min(1, value + caution * error);
  return Math.floor(limit * 2 ** (1 - likely) + UP_ROUNDING);
}

/** The limit that a trial downwards calls for, which is not below `least`. */
export function lowered(
  limit: number,
  { value }: Elasticity,
  { base, trial: { cap }, least }: Trial & { readonly least: number },
): number {
  if (value < leastElasticity(base)) return limit;
  const excess = value - TOLERATED_ELASTICITY;
  const used = Math.min(limit, Math.ceil(base.concurrency));
  // At a worker that is so quick there is nothing to be gained.
  const worthwhile = Math.ceil(WORTHWHILE_MS * used / base.meanMs);
  const wanted = Math.round(used * (cap / used) ** excess);
  return Math.min(limit, Math.max(least, worthwhile, wanted));
}

/** The limit beyond which nothing is known: workers were not seen to have more before the trial, or not many more. */
export function experienced({ base }: Trial): number {
  return 2 * Math.ceil(base.concurrency);
}

/**
 * The limit that requests call for which took the longer the more there were
 * at once, without a trial; `null` where that was not clear.
 *
 * @param before Those that were looked at before, if they were.
 * @param least What it is not below.
 */
export function crowdedOut(
  base: LatencySample,
  before: LatencySample | null,
  least: number,
): number | null {
  if (base.count < LEAST_CROWD) return null;
  const { trend, concurrency, meanMs } = base;
  const worthwhile = Math.ceil(WORTHWHILE_MS * concurrency / meanMs);
  const bound = Math.max(least, worthwhile);
  if (trend.contrast >= CROWD_CONTRAST && isClear(trend.elasticity)) {
    return Math.max(bound, Math.round(trend.low));
  }
  const comparable = before !== null && !hasDrifted(before, base) &&
    base.startedAt - before.startedAt < LONGEST_MEMORY_MS &&
    base.concurrency >= LEAST_CROWDING * before.concurrency;
  return comparable && isClear(elasticityOf(before, base))
    ? Math.max(bound, Math.round(before.concurrency))
    : null;
}

function isClear(elasticity: Elasticity | null): boolean {
  return elasticity !== null &&
    elasticity.value - elasticity.error >= CLEAR_ELASTICITY;
}

function leastElasticity({ concurrency }: LatencySample): number {
  return concurrency >= CROWD ? LEAST_OF_A_CROWD : LEAST_ELASTICITY;
}

/** A limit that may be set: beyond the greatest there is none. */
export function bounded(limit: number): number {
  return limit > GREATEST_LIMIT ? Infinity : Math.max(1, limit);
}

/** Whether fewer at once are clearly no better before all of a trial's requests are back: others wait for its end. */
export function isInVain({ base, trial, direction }: Trial): boolean {
  if (direction === "up") return false;
  const elasticity = elasticityOf(trial, base);
  return elasticity !== null &&
    elasticity.value + elasticity.error < leastElasticity(base);
}

/** Returns the other direction. */
export function opposite(direction: Direction): Direction {
  return direction === "up" ? "down" : "up";
}

/** How long requests may be waited for, when others took the time since `base` began until `since`. */
export function patienceMs(base: LatencySample, since: number): number {
  const tookMs = Math.min(since - base.startedAt, BUSY_LATENCIES * base.meanMs);
  return Math.max(LEAST_TRIAL_MS, TRIAL_FACTOR * tookMs);
}
