/**
 * How many workers the traffic needs.
 *
 * Pure: figures in, a recommendation out. It is told the time, so that recorded or
 * made-up traffic can be replayed against it.
 *
 * The two windows, the panic mode and its threshold are those of Knative's
 * autoscaler (knative/serving, pkg/autoscaler/scaling/autoscaler.go, and
 * https://knative.dev/docs/serving/autoscaling/kpa-specific/). Its windows are
 * 60 s and 6 s; ours are shorter, because a process is started in a fraction
 * of the time a pod takes.
 *
 * @module
 */

import { recommendScaleUp } from "./scale_up_recommendation.ts";
import { grow, shrink } from "./limits.ts";
import {
  type MeasuredLoad,
  measureLoad,
  type ScalingSample,
  withSample,
} from "./load_window.ts";
import type {
  LowSpell,
  ScalingInput,
  ScalingOptions,
  ScalingState,
} from "./scaling_input.ts";
import {
  isDecision,
  type ScalingRecommendation,
} from "./scaling_recommendation.ts";

export type { ScalingSample } from "./load_window.ts";
export type { ScalingOptions, ScalingState } from "./scaling_input.ts";

/** What follows from one more sample. */
export interface ScalingStep {
  /** To be handed in with the next sample. */
  readonly state: ScalingState;
  /** `null` when the number is right, or nothing can be said. */
  readonly recommendation: ScalingRecommendation | null;
}

/** Before the first sample. */
export const INITIAL_SCALING: ScalingState = {
  samples: [],
  desired: null,
  changedAt: null,
  panicUntil: null,
  low: null,
};

/** A burst is so many times SCALE_UP_RATE per ready worker: Knative's `panic-threshold-percentage` of 200. */
const PANIC_THRESHOLD = 2;

/**
 * Returns what one more sample means.
 *
 * - **Growing** is at once to the number that is needed: when the long window
 *   asks for more, or in panic the short one, or when a queue stays.
 * - **Panic** begins when the short window shows twice what the ready workers
 *   should get. It ends one long window after it last did; until then nothing
 *   shrinks.
 * - **Shrinking** waits until the long window has been low for the whole delay,
 *   goes no further than the highest rate of that time allows, and takes half
 *   of the workers at most.
 * - **Somebody's command** counts as a decision: all windows begin anew.
 *
 * @example
 * ```ts
 * import { decideScale, INITIAL_SCALING } from "./algorithm.ts";
 * import assert from "node:assert/strict";
 *
 * const options = {
 *   minWorkers: 2,
 *   maxWorkers: 16,
 *   maxWorkersAuto: false,
 *   scaleUpRate: 100,
 *   scaleDownRate: 10,
 *   scaleIntervalMs: 5_000,
 *   scaleDownDelayMs: 30_000,
 * };
 * const workers = { ready: 2, full: 0, desired: 2, memoryCeiling: null };
 * const load = { inFlight: 1, queued: 0 };
 * let { state } = decideScale(
 *   INITIAL_SCALING,
 *   { at: 0, requests: 0, ...load, ...workers },
 *   options,
 * );
 * for (const second of [1, 2]) {
 *   const sample = { at: second * 1_000, requests: second * 800, ...load };
 *   const step = decideScale(state, { ...sample, ...workers }, options);
 *   state = step.state;
 *   if (second === 2) assert.equal(step.recommendation?.to, 8);
 * }
 * ```
 */
export function decideScale(
  state: ScalingState,
  sample: ScalingSample,
  options: ScalingOptions,
): ScalingStep {
  if (state.desired !== null && state.desired !== sample.desired) {
    return { state: afterCommand(sample), recommendation: null };
  }
  const samples = withSample(state.samples, sample, options.scaleIntervalMs);
  const load = measureLoad(samples, options.scaleIntervalMs);
  const input: ScalingInput = {
    options,
    sample,
    samples,
    load,
    changedAt: state.changedAt,
    panicUntil: panicUntil(state, sample, load, options),
  };
  const growth = recommendScaleUp(input);
  const low = growth === null ? lowSpell(state, input) : null;
  const recommendation = growth !== null
    ? grow(input, growth)
    : low !== null
    ? shrink(input, low)
    : null;
  const changed = recommendation !== null && isDecision(recommendation);
  return {
    recommendation,
    state: {
      samples,
      desired: recommendation?.to ?? sample.desired,
      changedAt: changed ? sample.at : state.changedAt,
      panicUntil: input.panicUntil,
      // After a change, what is low has to be shown anew.
      low: changed ? null : low,
    },
  };
}

function afterCommand(sample: ScalingSample): ScalingState {
  return {
    ...INITIAL_SCALING,
    samples: [sample],
    desired: sample.desired,
    changedAt: sample.at,
  };
}

function panicUntil(
  state: ScalingState,
  sample: ScalingSample,
  { short }: MeasuredLoad,
  { scaleUpRate, scaleIntervalMs }: ScalingOptions,
): number | null {
  const threshold = PANIC_THRESHOLD * scaleUpRate * Math.max(sample.ready, 1);
  if (short !== null && short.agreed >= threshold) {
    return sample.at + scaleIntervalMs;
  }
  const { panicUntil } = state;
  return panicUntil !== null && sample.at < panicUntil ? panicUntil : null;
}

function lowSpell(
  { low, changedAt }: ScalingState,
  { load: { long }, sample, options }: ScalingInput,
): LowSpell | null {
  if (long === null || sample.queued > 0) return null;
  if (long.rate / Math.max(sample.ready, 1) >= options.scaleDownRate) {
    return null;
  }
  const { rate, since } = long;
  const spell = low ?? {
    since: Math.max(since, changedAt ?? since),
    seenAt: sample.at,
    peaks: [],
  };
  if (since < spell.seenAt) return spell;
  const forgottenBefore = sample.at - options.scaleDownDelayMs;
  const peaks = spell.peaks.filter((peak) =>
    peak.at >= forgottenBefore && peak.rate > rate
  );
  return { ...spell, peaks: [...peaks, { at: sample.at, rate }] };
}
