/**
 * Which generation is wanted: one reload at a time, and one that waits.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import {
  type Generation,
  generationOf,
  type WorkerSpec,
} from "./generation.ts";
import { refusedReload, type ReloadReport } from "../events/reload_report.ts";
import { Rollout } from "./rollout.ts";
import type { Slot } from "./slot.ts";
import type { Worker } from "./worker.ts";

/** A reload that somebody waits for. */
interface Pending {
  spec: WorkerSpec;
  readonly promise: Promise<ReloadReport>;
  readonly resolve: (report: ReloadReport) => void;
}

/** What is looked at when reloads are judged. */
export interface ReloadView {
  readonly slots: readonly Slot[];
  /** On the pool's clock. */
  readonly now: number;
  /** Requests by which a new worker proves itself. */
  readonly reloadCanaryRequests: number;
}

/** Takes requests for reloads, and carries them out one after the other. */
export class Reloads {
  readonly #events: EventEmitter;
  /** The generation in service when no reload goes on. */
  #current: Generation;
  #lastNumber = 1;
  #rollout: Rollout | null = null;
  #running: Pending | null = null;
  #waiting: Pending | null = null;

  /** The first generation runs `spec`. */
  constructor(spec: WorkerSpec, events: EventEmitter) {
    this.#current = generationOf(spec, this.#lastNumber);
    this.#events = events;
  }

  /** The generation that is wanted now. */
  get generation(): Generation {
    return this.#rollout?.generation ?? this.#current;
  }

  /** Number of the newest generation that has proved itself. */
  get provenGeneration(): number {
    return this.#current.number;
  }

  /** Whether a worker may take its predecessor's place. */
  mayTakeOver(worker: Worker): boolean {
    return this.#rollout?.mayTakeOver(worker) ?? true;
  }

  /**
   * Asks for a new generation that runs `spec`. While a reload goes on, all
   * who ask get one reload after it, with what the last of them asked for. One
   * whose workers do not become ready is not waited for.
   */
  request(spec: WorkerSpec): Promise<ReloadReport> {
    if (this.#waiting === null) {
      this.#waiting = { spec, ...Promise.withResolvers<ReloadReport>() };
    } else this.#waiting.spec = spec;
    return this.#waiting.promise;
  }

  /** Looks at how far the reload is, ends it or begins the next, and returns when to look again. */
  judge(view: ReloadView): number {
    const { slots, now } = view;
    const newerWaits = this.#waiting !== null;
    const report = this.#rollout?.judge(slots, now, newerWaits) ?? null;
    if (report !== null) this.#finish(report);
    if (this.#rollout === null && this.#waiting !== null) this.#begin(view);
    return this.#rollout?.nextCheckAt(now) ?? Infinity;
  }

  /** Gives up whatever goes on or waits. */
  abandon({ slots, now }: ReloadView, reason: string): void {
    if (this.#rollout !== null) {
      this.#finish(this.#rollout.abandon(slots, reason, now));
    }
    this.#waiting?.resolve(refusedReload(this.#current.number, reason));
    this.#waiting = null;
  }

  #begin({ slots, now, reloadCanaryRequests }: ReloadView): void {
    this.#running = this.#waiting!;
    this.#waiting = null;
    const from = this.#current;
    const to = generationOf(this.#running.spec, ++this.#lastNumber);
    this.#rollout = new Rollout({
      from,
      to,
      startedAt: now,
      canaryRequests: reloadCanaryRequests,
    });
    // What failed so far was the old generation.
    for (const slot of slots) slot.resetBackoff();
    this.#events.emit({
      type: "reload-started",
      fromGeneration: from.number,
      generation: to.number,
    });
  }

  #finish(report: ReloadReport): void {
    this.#current = this.#rollout!.generation;
    this.#rollout = null;
    this.#events.emit({ type: "reload-finished", report });
    this.#running!.resolve(report);
    this.#running = null;
  }
}
