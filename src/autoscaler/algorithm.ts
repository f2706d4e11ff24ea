/**
 * How many workers the traffic needs.
 *
 * Pure: figures in, a decision out. It is told the time, so that recorded or
 * made-up traffic can be replayed against it.
 *
 * @module
 */

/** When the pool grows and shrinks, and how far. */
export interface ScalingOptions {
  /** Fewest workers. */
  readonly minWorkers: number;
  /** Most workers. */
  readonly maxWorkers: number;
  /** Requests per second per ready worker above which the pool grows. */
  readonly scaleUpRate: number;
  /** Requests per second per ready worker below which it shrinks. */
  readonly scaleDownRate: number;
  /** Milliseconds between two samples. */
  readonly scaleIntervalMs: number;
  /** How long the rate must have been low before the pool shrinks, in milliseconds. */
  readonly scaleDownDelayMs: number;
}

/** The figures at one moment. */
export interface ScalingSample {
  /** When, in milliseconds on a monotonic clock. */
  readonly at: number;
  /** Requests since the start. */
  readonly requests: number;
  /** Requests at workers now. */
  readonly inFlight: number;
  /** Requests that wait for a worker now. */
  readonly queued: number;
  /** Workers that may be given work. */
  readonly ready: number;
  /** Workers wanted. */
  readonly desired: number;
}

/** What is remembered from one sample to the next. */
export interface ScalingState {
  /** The previous sample, or `null` when there is none to compare with. */
  readonly previous: ScalingSample | null;
  /** Since when the rate has been low without a break, or `null`. */
  readonly lowSince: number | null;
}

/** The rule that decided. */
export type ScalingReason =
  /** More requests per worker than SCALE_UP_RATE. */
  | "rate"
  /** Requests wait although every worker is busy. */
  | "queue"
  /** Fewer requests per worker than SCALE_DOWN_RATE for SCALE_DOWN_DELAY_MS. */
  | "idle";

/** Another number of workers is needed. */
export interface ScalingDecision {
  /** Workers wanted. */
  readonly to: number;
  /** The rule that decided. */
  readonly reason: ScalingReason;
  /** The figures it rests on. */
  readonly inputs: Readonly<Record<string, number>>;
}

/** What follows from one more sample. */
export interface ScalingStep {
  /** To be handed in with the next sample. */
  readonly state: ScalingState;
  /** `null` when the number is right, or nothing can be said. */
  readonly decision: ScalingDecision | null;
}

/** Before the first sample. */
export const INITIAL_SCALING: ScalingState = { previous: null, lowSince: null };

/**
 * A window longer than this many intervals was not measured but slept through
 * (a suspended machine, a stopped process). Its average says nothing.
 */
const MAX_WINDOW_INTERVALS = 2;

/**
 * Returns what one more sample means.
 *
 * Growth is at once to the number the rate needs. Shrinking waits until the
 * rate has been low for long, and then takes half of the workers at most, so
 * that a lull is not mistaken for the end of the traffic.
 *
 * @example
 * ```ts
 * import { decideScale, INITIAL_SCALING } from "./algorithm.ts";
 * import assert from "node:assert/strict";
 *
 * const options = {
 *   minWorkers: 2,
 *   maxWorkers: 16,
 *   scaleUpRate: 100,
 *   scaleDownRate: 10,
 *   scaleIntervalMs: 5_000,
 *   scaleDownDelayMs: 30_000,
 * };
 * const quiet = { inFlight: 0, queued: 0, ready: 2, desired: 2 };
 * const first = decideScale(
 *   INITIAL_SCALING,
 *   { at: 0, requests: 0, ...quiet },
 *   options,
 * );
 * const second = decideScale(
 *   first.state,
 *   { at: 5_000, requests: 4_000, ...quiet },
 *   options,
 * );
 * assert.equal(second.decision?.to, 8);
 * ```
 */
export function decideScale(
  state: ScalingState,
  sample: ScalingSample,
  options: ScalingOptions,
): ScalingStep {
  const rate = rateBetween(state.previous, sample, options);
  if (rate === null) {
    return { state: { previous: sample, lowSince: null }, decision: null };
  }
  const inputs = {
    rate,
    ratePerWorker: rate / Math.max(sample.ready, 1),
    ready: sample.ready,
    inFlight: sample.inFlight,
    queued: sample.queued,
  };
  const up = growForRate(sample, inputs, options) ??
    growForQueue(sample, inputs, options);
  const low = up === null && sample.queued === 0 &&
    inputs.ratePerWorker < options.scaleDownRate;
  const lowSince = low ? state.lowSince ?? state.previous!.at : null;
  const lowLongEnough = lowSince !== null &&
    sample.at - lowSince >= options.scaleDownDelayMs;
  const down = lowLongEnough ? shrink(sample, inputs, options) : null;
  return {
    decision: up ?? down,
    // The next step down has to be earned anew.
    state: { previous: sample, lowSince: down === null ? lowSince : sample.at },
  };
}

type Inputs = {
  readonly rate: number;
  readonly ratePerWorker: number;
  readonly ready: number;
  readonly inFlight: number;
  readonly queued: number;
};

/** Returns the requests per second between two samples, or `null` when they cannot be compared. */
function rateBetween(
  previous: ScalingSample | null,
  sample: ScalingSample,
  options: ScalingOptions,
): number | null {
  if (previous === null) return null;
  const elapsedMs = sample.at - previous.at;
  const requests = sample.requests - previous.requests;
  const longest = options.scaleIntervalMs * MAX_WINDOW_INTERVALS;
  if (elapsedMs <= 0 || elapsedMs > longest || requests < 0) return null;
  return requests * 1_000 / elapsedMs;
}

function growForRate(
  { desired }: ScalingSample,
  inputs: Inputs,
  options: ScalingOptions,
): ScalingDecision | null {
  if (inputs.ratePerWorker <= options.scaleUpRate) return null;
  const needed = Math.ceil(inputs.rate / options.scaleUpRate);
  const to = Math.min(needed, options.maxWorkers);
  // Otherwise those that are needed are on their way already.
  return to > desired ? { to, reason: "rate", inputs } : null;
}

/**
 * Requests wait, so every worker has as many as it takes. As many more are
 * wanted as the waiting ones would fill, but no more than there are: the
 * queue may be gone before they are ready.
 */
function growForQueue(
  { desired, ready, inFlight, queued }: ScalingSample,
  inputs: Inputs,
  options: ScalingOptions,
): ScalingDecision | null {
  // Idle or missing workers are not made more useful by more of them.
  if (queued === 0 || inFlight < ready || ready < desired) return null;
  const perWorker = inFlight / ready;
  const more = Math.min(Math.ceil(queued / perWorker), desired);
  const to = Math.min(desired + more, options.maxWorkers);
  return to > desired ? { to, reason: "queue", inputs } : null;
}

function shrink(
  { desired }: ScalingSample,
  inputs: Inputs,
  options: ScalingOptions,
): ScalingDecision | null {
  const needed = Math.ceil(inputs.rate / options.scaleDownRate);
  const to = Math.max(needed, Math.ceil(desired / 2), options.minWorkers);
  return to < desired ? { to, reason: "idle", inputs } : null;
}
