/**
 * Finds out what the matter is with one worker, from what a probe saw.
 *
 * @module
 */

import type {
  Diagnosis,
  EventEmitter,
  StartupFindings,
  WaitingRequest,
  WorkerFindings,
} from "../events.ts";
import type { WatchedWorker } from "../pool/health_watcher.ts";
import { diagnose, type ProcessActivity } from "./diagnosis.ts";
import { describeProbe, type ProbeResult } from "./probe.ts";
import {
  activityBetween,
  lookAtProcesses,
  type ProcessLook,
} from "./process_look.ts";
import type { ProbeCount } from "./thresholds.ts";

/** How workers are examined. */
export interface ExaminerOptions {
  /** From which age on a request is slow, in milliseconds; 0 is never. */
  readonly slowRequestMs: number;
  /** Path that is probed. */
  readonly healthPath: string;
}

/** Requests that wait for an answer, by the port of their worker. */
export interface WaitingRequests {
  /** The one that has waited longest, or `null`. */
  oldest(port: number): WaitingRequest | null;
  /** Those that have waited for `ageMs` or longer and have not been asked for before. */
  newlySlow(port: number, ageMs: number): readonly WaitingRequest[];
}

/** What an examiner works with. */
export interface ExaminerDeps {
  /** Is told of slow requests. */
  readonly events: EventEmitter;
  readonly requests: WaitingRequests;
}

/** Examines one worker, after each of its probes. */
export class Examiner {
  readonly #worker: WatchedWorker;
  readonly #options: ExaminerOptions;
  readonly #deps: ExaminerDeps;
  #lastLook: ProcessLook | null = null;

  /** Creates an examiner that has seen nothing yet. */
  constructor(
    worker: WatchedWorker,
    options: ExaminerOptions & ExaminerDeps,
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
  async examine(
    result: ProbeResult,
    count: ProbeCount,
    startup: StartupFindings | null = null,
  ): Promise<WorkerFindings> {
    const { port } = this.#worker;
    const { slowRequestMs, healthPath } = this.#options;
    const silent = result.kind === "timeout";
    const passed = count.failures === 0;
    // One that has yet to become ready is given its time, whatever it does.
    const activity = silent && count.healthy !== null
      ? await this.#look()
      : null;
    if (!silent) this.#lastLook = null;
    const oldestRequest = this.#deps.requests.oldest(port);
    const diagnosed = diagnose({
      probe: passed ? "passed" : silent ? "silent" : "failed",
      oldestRequestMs: oldestRequest?.ageMs ?? 0,
      slowRequestMs,
      activity,
    });
    if (diagnosed === "slow-request") this.#tellSlow();
    const diagnosis: Diagnosis = result.kind === "foreign"
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

  async #look(): Promise<ProcessActivity | null> {
    const look = await lookAtProcesses(this.#worker.pid);
    const activity = look && activityBetween(this.#lastLook, look);
    this.#lastLook = look;
    return activity;
  }

  #tellSlow(): void {
    const { workerId, port } = this.#worker;
    const { requests, events } = this.#deps;
    for (
      const request of requests.newlySlow(port, this.#options.slowRequestMs)
    ) {
      events.emit({ type: "request-slow", workerId, ...request });
    }
  }
}

function withRemedy({ reason, remedy }: StartupFindings): string {
  return remedy === null ? reason : `${reason}: ${remedy}`;
}
