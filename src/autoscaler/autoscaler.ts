/**
 * Asks at regular times how many workers the traffic needs, and passes the
 * answer on.
 *
 * Knows neither the pool nor the metrics: it is handed one function that
 * samples and one that scales.
 *
 * @module
 */

import { Alarm } from "../pool/alarm.ts";
import {
  decideScale,
  INITIAL_SCALING,
  type ScalingOptions,
  type ScalingReason,
  type ScalingSample,
} from "./algorithm.ts";

/** Decisions kept for those who ask why. */
const KEPT_DECISIONS = 20;

/** One decision that was carried out. */
export interface ScalingRecord {
  /** When, as milliseconds since the Unix epoch. */
  readonly at: number;
  /** Workers wanted before. */
  readonly from: number;
  /** Workers wanted from then on. */
  readonly to: number;
  /** The rule that decided. */
  readonly reason: ScalingReason;
  /** The figures it decided on. */
  readonly inputs: Readonly<Record<string, number>>;
}

/** What an autoscaler works with. */
export interface AutoscalerDeps {
  /** Returns the figures now; the time is added by the autoscaler. */
  readonly sample: () => Omit<ScalingSample, "at">;
  /** Sets the wanted number of workers and returns what it is now. */
  readonly scaleTo: (
    workers: number,
    reason: ScalingReason,
    inputs: Readonly<Record<string, number>>,
  ) => number;
  /** Monotonic, in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
}

/** The loop around the scaling algorithm. */
export class Autoscaler {
  readonly #options: ScalingOptions;
  readonly #deps: AutoscalerDeps;
  readonly #now: () => number;
  readonly #alarm = new Alarm();
  readonly #decisions: ScalingRecord[] = [];
  #stopping = false;
  #loop: Promise<void> | null = null;

  /** Creates an autoscaler that does nothing yet. */
  constructor(options: ScalingOptions, deps: AutoscalerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#now = deps.clock ?? ((): number => performance.now());
  }

  /** The last decisions, oldest first. */
  get decisions(): readonly ScalingRecord[] {
    return [...this.#decisions];
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
      if (step.decision !== null) {
        const { to: wanted, reason, inputs } = step.decision;
        const from = sample.desired;
        const to = this.#deps.scaleTo(wanted, reason, inputs);
        this.#keep({ at: Date.now(), from, to, reason, inputs });
      }
      await this.#alarm.sleep(this.#options.scaleIntervalMs);
    }
  }

  #keep(record: ScalingRecord): void {
    this.#decisions.push(record);
    if (this.#decisions.length > KEPT_DECISIONS) this.#decisions.shift();
  }
}
