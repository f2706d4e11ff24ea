/**
 * Finds out what the matter is with one worker, from what a probe saw.
 *
 * @module
 */

import type {
  Diagnosis,
  EventEmitter,
  StartupFindings,
  WorkerFindings,
} from "../events/mod.ts";
import type { DataPlane } from "../plane/contract.ts";
import type { WatchedWorker } from "../pool/health_watcher.ts";
import { diagnose, type ProcessActivity } from "./diagnosis.ts";
import { describeProbe, type ProbeResult } from "./probe.ts";
import {
  activityBetween,
  type ProcessSample,
  sampleProcesses,
} from "./process_sample.ts";
import type { ProbeCount } from "./thresholds.ts";

/** How workers are diagnosed. */
export interface WorkerDiagnoserOptions {
  /** From which age on a request is slow, in milliseconds; 0 is never. */
  readonly slowRequestMs: number;
  /** Path that is probed. */
  readonly healthPath: string;
}

/** What a diagnoser works with. */
export interface WorkerDiagnoserDeps {
  /** Is told of slow requests. */
  readonly events: EventEmitter;
  /** Is asked what workers have in flight. */
  readonly plane: Pick<DataPlane, "ask" | "figuresOf">;
}

/** Diagnoses one worker, after each of its probes. */
export class WorkerDiagnoser {
  readonly #worker: WatchedWorker;
  readonly #options: WorkerDiagnoserOptions;
  readonly #deps: WorkerDiagnoserDeps;
  #lastSample: ProcessSample | null = null;

  /** Creates a diagnoser that has seen nothing yet. */
  constructor(
    worker: WatchedWorker,
    options: WorkerDiagnoserOptions & WorkerDiagnoserDeps,
  ) {
    this.#worker = worker;
    this.#options = options;
    this.#deps = options;
  }

  /**
   * Returns what follows from a probe; `count` includes it.
   *
   * @param startup What was found out about a worker that has never been ready.
   */
  async diagnose(
    result: ProbeResult,
    count: ProbeCount,
    startup: StartupFindings | null = null,
  ): Promise<WorkerFindings> {
    const { upstream: key } = this.#worker;
    const { slowRequestMs, healthPath } = this.#options;
    const silent = result.type === "timeout";
    const passed = count.failures === 0;
    // One that has yet to become ready is given its time, whatever it does.
    const activity = silent && count.healthy !== null
      ? await this.#activity()
      : null;
    if (!silent) this.#lastSample = null;
    const { plane } = this.#deps;
    // Most workers have none when they are probed, and to ask wakes the plane.
    const oldestRequest = plane.figuresOf(key).inFlight === 0
      ? null
      : await plane.ask({ type: "oldest-request", key });
    const diagnosed = diagnose({
      probe: passed ? "passed" : silent ? "silent" : "failed",
      oldestRequestMs: oldestRequest?.ageMs ?? 0,
      slowRequestMs,
      activity,
    });
    if (diagnosed === "slow-request") await this.#tellSlow();
    const diagnosis: Diagnosis = result.type === "foreign"
      ? "displaced"
      : startup?.computing === true
      ? "starting"
      : diagnosed;
    return {
      reason: startup === null
        ? describeProbe(result, healthPath)
        : withRemedy(startup),
      failures: count.failures,
      diagnosis,
      cpuRatio: activity?.cpuRatio ?? startup?.cpuRatio ?? null,
      oldestRequest,
    };
  }

  async #activity(): Promise<ProcessActivity | null> {
    const sample = await sampleProcesses(this.#worker.pid);
    const activity = sample && activityBetween(this.#lastSample, sample);
    this.#lastSample = sample;
    return activity;
  }

  async #tellSlow(): Promise<void> {
    const { workerId, upstream: key } = this.#worker;
    const { plane, events } = this.#deps;
    const slow = await plane.ask({
      type: "newly-slow-requests",
      key,
      ageMs: this.#options.slowRequestMs,
    });
    for (const request of slow ?? []) {
      events.emit({ type: "request-slow", workerId, ...request });
    }
  }
}

function withRemedy({ reason, remedy }: StartupFindings): string {
  return remedy === null ? reason : `${reason}: ${remedy}`;
}
