/**
 * What the scaling rules judge by: the settings, what is remembered, and one
 * sample with all that follows from it.
 *
 * @module
 */

import type { MeasuredLoad, ScalingSample } from "./load_window.ts";

/** When the pool grows and shrinks, and how far. */
export interface ScalingOptions {
  /** Fewest workers. */
  readonly minWorkers: number;
  /** Most workers. */
  readonly maxWorkers: number;
  /** Whether `maxWorkers` follows from the CPUs available: the limit is called by that name then. */
  readonly maxWorkersAuto: boolean;
  /** Requests per second per ready worker above which the pool grows. */
  readonly scaleUpRate: number;
  /** Requests per second per ready worker below which it shrinks. */
  readonly scaleDownRate: number;
  /** The long window, and the least time between two changes but for bursts, in milliseconds. */
  readonly scaleIntervalMs: number;
  /** How long the rate must have been low before the pool shrinks, in milliseconds. */
  readonly scaleDownDelayMs: number;
}

/** What is remembered from one sample to the next. */
export interface ScalingState {
  /** Those the windows need, oldest first. */
  readonly samples: readonly ScalingSample[];
  /** The number that was wanted last; when it is another now, somebody has set it. */
  readonly desired: number | null;
  /** When the number changed last, or `null`. */
  readonly changedAt: number | null;
  /** Until when the short window decides and nothing shrinks, or `null`. */
  readonly panicUntil: number | null;
  /** What is known of a rate that is low, or `null` when it is not. */
  readonly low: LowSpell | null;
}

/** A time in which the long window has been low without a break. */
export interface LowSpell {
  /** When the first window that was low began. */
  readonly since: number;
  /** When that was seen: a window that began before may hold some of the busy time. */
  readonly seenAt: number;
  /**
   * Of the windows of the last SCALE_DOWN_DELAY_MS, those whose rate no later
   * one has reached: the first is the highest of that time.
   */
  readonly peaks: readonly { readonly at: number; readonly rate: number }[];
}

/** One sample with all it is judged by. */
export interface ScalingInput {
  readonly options: ScalingOptions;
  readonly sample: ScalingSample;
  readonly samples: readonly ScalingSample[];
  readonly load: MeasuredLoad;
  readonly changedAt: number | null;
  readonly panicUntil: number | null;
}
