/**
 * The number of workers as a part that is started and stopped: the autoscaler
 * with what it decides by, and the history of what was decided.
 *
 * @module
 */

import type { ScalingOptions } from "../autoscaler/algorithm.ts";
import { Autoscaler } from "../autoscaler/autoscaler.ts";
import { ScalingHistory } from "../autoscaler/scaling_history.ts";
import type { EventEmitter } from "../events/mod.ts";
import {
  LoadSampler,
  type LoadSamplerOptions,
  type LoadSources,
} from "./load_sampler.ts";

/** How many workers there are to be. */
export interface ScalingServiceOptions
  extends ScalingOptions, LoadSamplerOptions {}

/** What decides on the number of workers. */
export class ScalingService {
  readonly #sources: LoadSources;
  readonly #events: EventEmitter;
  readonly #history: ScalingHistory;
  #options: ScalingServiceOptions;
  #autoscaler: Autoscaler;

  /** Puts the parts together; nothing is decided yet. */
  constructor(
    options: ScalingServiceOptions,
    { events, ...sources }: LoadSources & { readonly events: EventEmitter },
  ) {
    this.#sources = sources;
    this.#events = events;
    this.#history = new ScalingHistory(events);
    this.#options = options;
    this.#autoscaler = this.#createAutoscaler();
  }

  /** The last changes, oldest first. */
  get changes(): ScalingHistory["changes"] {
    return this.#history.changes;
  }

  /** The recommendation that is being deferred, or `null`. */
  get held(): Autoscaler["held"] {
    return this.#autoscaler.held;
  }

  /** Begins to decide. */
  start(): void {
    this.#autoscaler.start();
  }

  /** Ends it, and resolves when no decision will follow. */
  async stop(): Promise<void> {
    await this.#autoscaler.stop();
    this.#history.close();
  }

  /** Decides by other options from now on. Only while it is started. */
  async configure(options: ScalingServiceOptions): Promise<void> {
    const former = this.#autoscaler;
    this.#options = options;
    this.#autoscaler = this.#createAutoscaler();
    this.#autoscaler.start();
    await former.stop();
  }

  /**
   * Sets the wanted number of workers by command, within the bounds, and
   * returns it. The autoscaler takes it for a decision: its delays begin anew.
   */
  scaleTo(workers: number): number {
    const { scaleIntervalMs, scaleDownDelayMs } = this.#options;
    return this.#sources.pool.scaleTo(workers, "command", {
      mayGrowAt: Date.now() + scaleIntervalMs,
      mayShrinkAt: Date.now() + scaleDownDelayMs,
    });
  }

  #createAutoscaler(): Autoscaler {
    const load = new LoadSampler(this.#options, this.#sources);
    return new Autoscaler(this.#options, {
      sample: () => load.sample(),
      scaleTo: (workers, grounds) =>
        this.#sources.pool.scaleTo(workers, grounds.reason, grounds),
      held: (deferred) =>
        this.#events.emit({ type: "scaling-held", ...deferred }),
    });
  }
}
