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

/** What an examiner works with. */
export interface ExaminerDeps {
  /** Is told of slow requests. */
  readonly events: EventEmitter;
  /** Is asked what workers have in flight. */
  readonly plane: Pick<DataPlane, "ask">;
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
    const { upstream: key } = this.#worker;
    const { slowRequestMs, healthPath } = this.#options;
    const silent = result.kind === "timeout";
    const passed = count.failures === 0;
    // One that has yet to become ready is given its time, whatever it does.
    const activity = silent && count.healthy !== null
      ? await this.#look()
      : null;
    if (!silent) this.#lastLook = null;
    const oldestRequest = await this.#deps.plane.ask({
      type: "oldest-request",
      key,
    });
    const diagnosed = diagnose({
      probe: passed ? "passed" : silent ? "silent" : "failed",
      oldestRequestMs: oldestRequest?.ageMs ?? 0,
      slowRequestMs,
      activity,
    });
    if (diagnosed === "slow-request") await this.#tellSlow();
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
