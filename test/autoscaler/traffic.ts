/**
 * Traffic that is fed to the scaling algorithm, sample by sample.
 *
 * @module
 */

import {
  decideScale,
  INITIAL_SCALING,
  type ScalingOptions,
  type ScalingSample,
  type ScalingState,
} from "../../src/autoscaler/algorithm.ts";
import { samplePeriodMs } from "../../src/autoscaler/load_window.ts";
import {
  isDecision,
  type ScalingRecommendation,
} from "../../src/autoscaler/scaling_recommendation.ts";

/** Bounds for tests, and the defaults of the settings. */
export const OPTIONS: ScalingOptions = {
  minWorkers: 1,
  maxWorkers: 16,
  maxWorkersAuto: false,
  scaleUpRate: 100,
  scaleDownRate: 10,
  scaleIntervalMs: 5_000,
  scaleDownDelayMs: 30_000,
};

/** A pool whose workers are ready at once, under traffic. */
export class Traffic {
  /** Workers wanted; set it to command the pool. */
  desired: number;
  /** The verdicts that changed something. */
  readonly decisions: ScalingRecommendation[] = [];
  /** Milliseconds since the start. */
  at = 0;
  readonly #options: ScalingOptions;
  readonly #periodMs: number;
  #state: ScalingState = INITIAL_SCALING;
  #requests = 0;

  /** Begins with `desired` workers. */
  constructor(desired: number, options: Partial<ScalingOptions> = {}) {
    this.desired = desired;
    this.#options = { ...OPTIONS, ...options };
    this.#periodMs = samplePeriodMs(this.#options);
    this.#feed({});
  }

  /** One sample period at `rate` requests per second; a decision is carried out at once. */
  sample(
    rate: number,
    over: Partial<ScalingSample> = {},
    ms: number = this.#periodMs,
  ): ScalingRecommendation | null {
    this.at += ms;
    this.#requests += rate * ms / 1_000;
    return this.#feed(over);
  }

  /** Several seconds at `rate`; returns the verdicts that changed something. */
  seconds(count: number, rate: number): readonly ScalingRecommendation[] {
    const from = this.decisions.length;
    for (let ms = 0; ms < count * 1_000; ms += this.#periodMs) {
      this.sample(rate);
    }
    return this.decisions.slice(from);
  }

  #feed(over: Partial<ScalingSample>): ScalingRecommendation | null {
    const step = decideScale(this.#state, {
      at: this.at,
      requests: this.#requests,
      inFlight: 0,
      queued: 0,
      ready: this.desired,
      full: 0,
      desired: this.desired,
      memoryCeiling: null,
      ...over,
    }, this.#options);
    this.#state = step.state;
    const { recommendation } = step;
    if (recommendation !== null && isDecision(recommendation)) {
      this.decisions.push(recommendation);
      this.desired = recommendation.to;
    }
    return recommendation;
  }
}
