/**
 * What becomes of a recommendation for more or fewer workers: bounds, delays
 * and the grounds that go with it. Pure.
 *
 * @module
 */

import type { ScaleUpRecommendation } from "./scale_up_recommendation.ts";
import { samplePeriodMs } from "./load_window.ts";
import type { LowSpell, ScalingInput } from "./scaling_input.ts";
import type {
  ScalingLimit,
  ScalingMode,
  ScalingReason,
  ScalingRecommendation,
} from "./scaling_recommendation.ts";

/** A pool that shrinks keeps this share of its workers: a lull must not be taken for the end of the traffic. */
const KEPT_RATIO = 0.5;

/** Asks for more workers, as far as bounds and time allow. */
export function grow(
  input: ScalingInput,
  recommendation: ScaleUpRecommendation,
): ScalingRecommendation {
  const { sample, options, changedAt } = input;
  const from = sample.desired;
  const waitsUntil = (changedAt ?? -Infinity) + options.scaleIntervalMs;
  if (recommendation.spaced && sample.at < waitsUntil) {
    const held = {
      ...recommendation,
      to: from,
      limitedBy: "interval",
    } as const;
    return recommendationOf(input, held, { mayGrowAt: waitsUntil });
  }
  if (recommendation.rising) {
    const held = {
      ...recommendation,
      to: from,
      limitedBy: "next-sample",
    } as const;
    return recommendationOf(input, held);
  }
  const limits = upperLimits(input);
  const [limitedBy, most] = limits.reduce((a, b) => b[1] < a[1] ? b : a);
  // A limit that has come down since keeps the pool from growing, no more.
  const to = Math.max(from, Math.min(recommendation.needed, most));
  return recommendationOf(input, {
    ...recommendation,
    to,
    limitedBy: to < recommendation.needed ? limitedBy : null,
  });
}

function upperLimits(
  { options, sample }: ScalingInput,
): readonly (readonly [ScalingLimit, number])[] {
  return [
    [options.maxWorkersAuto ? "cpus" : "max-workers", options.maxWorkers],
    ["memory", sample.memoryCeiling ?? Infinity],
  ];
}

/** Asks for fewer workers, or returns `null` when the pool is as small as the rate and the bounds allow. */
export function shrink(
  input: ScalingInput,
  low: LowSpell,
): ScalingRecommendation | null {
  const { sample, load, options, panicUntil } = input;
  const from = sample.desired;
  const rate = low.peaks[0]?.rate ?? load.long?.rate ?? 0;
  const needed = Math.ceil(rate / options.scaleDownRate);
  if (Math.max(needed, options.minWorkers) >= from) return null;
  const recommendation = { reason: "idle", needed, rate } as const;
  const allowedAt = low.since + options.scaleDownDelayMs;
  if (sample.at < allowedAt || panicUntil !== null) {
    const limitedBy = sample.at < allowedAt ? "down-delay" : "panic";
    const mayShrinkAt = Math.max(allowedAt, panicUntil ?? 0);
    return recommendationOf(input, { ...recommendation, to: from, limitedBy }, {
      mayShrinkAt,
    });
  }
  const half = Math.ceil(from * KEPT_RATIO);
  const to = Math.max(needed, half, options.minWorkers);
  const limitedBy = to === needed ? null : to === half ? "half" : "min-workers";
  return recommendationOf(input, { ...recommendation, to, limitedBy });
}

interface Outcome {
  readonly reason: ScalingReason;
  readonly needed: number;
  readonly rate: number;
  readonly to: number;
  readonly limitedBy: ScalingLimit | null;
}

/** Adds the grounds, and when the number may change next unless `next` knows better. */
function recommendationOf(
  input: ScalingInput,
  { reason, needed, rate, to, limitedBy }: Outcome,
  next: { mayGrowAt?: number; mayShrinkAt?: number } = {},
): ScalingRecommendation {
  const { sample, load, options, panicUntil, changedAt } = input;
  const { at, desired: from, ready, inFlight, queued, full } = sample;
  const mode: ScalingMode = panicUntil === null ? "stable" : "panic";
  const most = Math.min(...upperLimits(input).map(([, limit]) => limit));
  const lastChange = to === from ? changedAt ?? -Infinity : at;
  const spacedUntil = lastChange + options.scaleIntervalMs;
  const nextSample = at + samplePeriodMs(options);
  return {
    from,
    to,
    needed,
    reason,
    limitedBy,
    mode,
    inputs: {
      rate,
      ratePerWorker: rate / Math.max(ready, 1),
      ...load.short && { shortRate: load.short.latest },
      ...load.long && { longRate: load.long.rate },
      ready,
      inFlight,
      queued,
      full,
    },
    mayGrowAt: to >= most ? null : next.mayGrowAt ??
      (mode === "panic" ? nextSample : Math.max(nextSample, spacedUntil)),
    mayShrinkAt: next.mayShrinkAt ??
      Math.max(at + options.scaleDownDelayMs, panicUntil ?? 0),
  };
}
