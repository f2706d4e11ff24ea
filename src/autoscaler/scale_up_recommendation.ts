/**
 * The rules that ask for more workers, each for itself and whatever the limits.
 * Pure.
 *
 * @module
 */

import { steadyQueue } from "./load_window.ts";
import type { ScalingInput } from "./scaling_input.ts";
import type { ScalingReason } from "./scaling_recommendation.ts";

/** More workers that a rule asks for. */
export interface ScaleUpRecommendation {
  readonly reason: ScalingReason;
  readonly needed: number;
  /** The rate it asks them for. */
  readonly rate: number;
  /** Whether it is granted only when SCALE_INTERVAL_MS have passed since the last change. */
  readonly spaced: boolean;
  /** Whether the last sample alone shows a rise, so that the next one will show more of it. */
  readonly rising: boolean;
}

/** The rule that asks for the most workers, or `null` when none asks for more than there shall be. */
export function recommendScaleUp(
  input: ScalingInput,
): ScaleUpRecommendation | null {
  const rate = recommendForRate(input);
  const queue = recommendForQueue(input);
  if (rate === null || queue === null) return rate ?? queue;
  return queue.needed > rate.needed ? queue : rate;
}

/**
 * The long window has to ask for more, and in panic the short one is enough.
 * How many are needed the short one knows better, while both its samples ask:
 * of a step, the long window has seen a part only.
 */
function recommendForRate(
  { load: { short, long }, panicUntil, sample, options }: ScalingInput,
): ScaleUpRecommendation | null {
  const { scaleUpRate } = options;
  const wanted = sample.desired * scaleUpRate;
  const longRate = long !== null && long.rate > wanted ? long.rate : 0;
  const shortRate = short !== null && short.agreed > wanted ? short.latest : 0;
  const panic = panicUntil !== null;
  if (longRate === 0 && !(panic && shortRate > 0)) return null;
  const rate = Math.max(longRate, shortRate);
  return {
    reason: "rate",
    needed: Math.ceil(rate / scaleUpRate),
    rate,
    spaced: !panic,
    rising: shortRate === 0 && short !== null && short.latest > wanted,
  };
}

/**
 * All the time every worker had as many requests as it takes. As many more are
 * wanted as those that waited would fill, but no more than there are: the
 * queue may be gone before they are ready.
 */
function recommendForQueue(
  { samples, load, sample, options }: ScalingInput,
): ScaleUpRecommendation | null {
  const queued = steadyQueue(samples, options.scaleIntervalMs);
  if (queued === null) return null;
  const { desired, inFlight, ready } = sample;
  const more = Math.ceil(queued / (inFlight / ready));
  return {
    reason: "queue",
    needed: desired + Math.min(Math.max(more, 1), desired),
    rate: load.long?.rate ?? 0,
    spaced: true,
    rising: false,
  };
}
