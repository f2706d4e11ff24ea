/**
 * Asks at regular times how many workers the traffic needs, and passes the
 * answer on.
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
import { isDecision, type ScalingVerdict } from "./verdict.ts";

/** A wish that is held back. */
export type HeldWish = Omit<ScalingHeldEvent, "type">;

/** What an autoscaler works with. */
export interface AutoscalerDeps {
  /** Returns the figures now; the time is added by the autoscaler. */
  readonly sample: () => Omit<ScalingSample, "at">;
  /** Sets the wanted number of workers. */
  readonly scaleTo: (workers: number, grounds: ScalingGrounds) => void;
  /** Is told when another wish is held back, or the same for another reason. */
  readonly held?: (wish: HeldWish) => void;
  /** Monotonic, in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
}

/** The loop around the scaling algorithm. */
export class Autoscaler {
  readonly #options: ScalingOptions;
  readonly #deps: AutoscalerDeps;
  readonly #now: () => number;
  readonly #alarm = new Alarm();
  #held: HeldWish | null = null;
  #stopping = false;
  #loop: Promise<void> | null = null;

  /** Creates an autoscaler that does nothing yet. */
  constructor(options: ScalingOptions, deps: AutoscalerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#now = deps.clock ?? ((): number => performance.now());
  }

  /** The wish that is being held back, with `at` when that began, or `null`. */
  get held(): HeldWish | null {
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
      this.#pass(step.verdict, sample.at);
      await this.#alarm.sleep(samplePeriodMs(this.#options));
    }
  }

  #pass(verdict: ScalingVerdict | null, now: number): void {
    if (verdict === null) {
      this.#held = null;
      return;
    }
    const grounds = groundsOf(verdict, Date.now() - now);
    if (isDecision(verdict)) {
      this.#held = null;
      this.#deps.scaleTo(verdict.to, grounds);
      return;
    }
    const before = this.#held;
    const known = before?.reason === verdict.reason &&
      before.limitedBy === verdict.limitedBy;
    const at = known ? before.at : Date.now();
    this.#held = { at, workers: verdict.from, ...grounds };
    if (!known) this.#deps.held?.(this.#held);
  }
}

/** What an event says of a verdict, its times turned into wall-clock time. */
function groundsOf(verdict: ScalingVerdict, epochMs: number): ScalingGrounds {
  const { needed, reason, limitedBy, mode, inputs } = verdict;
  const { mayGrowAt, mayShrinkAt } = verdict;
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
