/**
 * Asks at regular times how many workers the traffic needs, and passes the
 * number on.
 *
 * Knows neither the pool nor the metrics: it is handed functions that sample,
 * scale and tell.
 *
 * @module
 */

import type { ScalingGrounds, ScalingHeldEvent } from "../events/mod.ts";
import { Alarm } from "../shared/alarm.ts";
import {
  decideScale,
  INITIAL_SCALING,
  type ScalingOptions,
  type ScalingSample,
} from "./algorithm.ts";
import { samplePeriodMs } from "./load_window.ts";
import {
  isDecision,
  type ScalingRecommendation,
} from "./scaling_recommendation.ts";

/** A recommendation that is deferred. */
export type DeferredRecommendation = Omit<ScalingHeldEvent, "type">;

/** What an autoscaler works with. */
export interface AutoscalerDeps {
  /** Returns the figures now; the time is added by the autoscaler. */
  readonly sample: () => Omit<ScalingSample, "at">;
  /** Sets the wanted number of workers. */
  readonly scaleTo: (workers: number, grounds: ScalingGrounds) => void;
  /** Is told when another recommendation is deferred, or the same for another reason. */
  readonly held?: (recommendation: DeferredRecommendation) => void;
  /** Monotonic, in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
}

/** The loop around the scaling algorithm. */
export class Autoscaler {
  readonly #options: ScalingOptions;
  readonly #deps: AutoscalerDeps;
  readonly #now: () => number;
  readonly #alarm = new Alarm();
  #held: DeferredRecommendation | null = null;
  #stopping = false;
  #loop: Promise<void> | null = null;

  /** Creates an autoscaler that does nothing yet. */
  constructor(options: ScalingOptions, deps: AutoscalerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#now = deps.clock ?? ((): number => performance.now());
  }

  /** The recommendation that is being deferred, with `at` when that began, or `null`. */
  get held(): DeferredRecommendation | null {
    return this.#held;
  }

  /** Begins to decide. Does nothing for a pool whose bounds leave no choice. */
  start(): void {
    const { minWorkers, maxWorkers } = this.#options;
    if (minWorkers < maxWorkers) this.#loop ??= this.#run();
  }

  /** Ends it, and resolves when no decision will follow. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#alarm.wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let state = INITIAL_SCALING;
    while (!this.#stopping) {
      const sample = { ...this.#deps.sample(), at: this.#now() };
      const step = decideScale(state, sample, this.#options);
      state = step.state;
      this.#pass(step.recommendation, sample.at);
      await this.#alarm.sleep(samplePeriodMs(this.#options));
    }
  }

  #pass(recommendation: ScalingRecommendation | null, now: number): void {
    if (recommendation === null) {
      this.#held = null;
      return;
    }
    const grounds = groundsOf(recommendation, Date.now() - now);
    if (isDecision(recommendation)) {
      this.#held = null;
      this.#deps.scaleTo(recommendation.to, grounds);
      return;
    }
    const before = this.#held;
    const known = before?.reason === recommendation.reason &&
      before.limitedBy === recommendation.limitedBy;
    const at = known ? before.at : Date.now();
    this.#held = { at, workers: recommendation.from, ...grounds };
    if (!known) this.#deps.held?.(this.#held);
  }
}

/** What an event says of a recommendation, its times turned into wall-clock time. */
function groundsOf(
  recommendation: ScalingRecommendation,
  epochMs: number,
): ScalingGrounds {
  const { needed, reason, limitedBy, mode, inputs } = recommendation;
  const { mayGrowAt, mayShrinkAt } = recommendation;
  return {
    needed,
    reason,
    limitedBy,
    mode,
    inputs,
    mayGrowAt: mayGrowAt === null ? null : Math.round(mayGrowAt + epochMs),
    mayShrinkAt: Math.round(mayShrinkAt + epochMs),
  };
}
