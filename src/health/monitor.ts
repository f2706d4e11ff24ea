/**
 * Watches each worker from outside, from its start to its end, and reports
 * what it sees. What follows from it is the pool's to decide.
 *
 * @module
 */

import { Alarm } from "../pool/alarm.ts";
import { EventEmitter } from "../events.ts";
import type {
  HealthReport,
  HealthWatch,
  HealthWatcher,
  WatchedWorker,
} from "../pool/health_watcher.ts";
import {
  Examiner,
  type ExaminerDeps,
  type ExaminerOptions,
} from "./examiner.ts";
import { isHealthy, probe, type ProbeResult } from "./probe.ts";
import { ProbeSchedule } from "./probe_schedule.ts";
import {
  countProbe,
  type ProbeOutcome,
  reachOf,
  type Thresholds,
  UNPROBED,
} from "./thresholds.ts";

/** How workers are probed and judged. */
export interface HealthMonitorOptions extends Thresholds, ExaminerOptions {
  /** Path that is probed. */
  readonly healthPath: string;
  /** Whether only 2xx and 3xx are healthy, and not anything below 500. */
  readonly healthStrict: boolean;
  /** Milliseconds from the beginning of a probe that passed to that of the next. */
  readonly healthIntervalMs: number;
  /** Longest wait for a probe's answer, in milliseconds. */
  readonly healthTimeoutMs: number;
}

/** The {@linkcode HealthWatcher} of the pool: active probes over connections of their own. */
export class HealthMonitor implements HealthWatcher {
  readonly #options: HealthMonitorOptions;
  readonly #deps: ExaminerDeps;

  /** Creates a monitor that watches nothing yet. Without `deps` it knows of no requests. */
  constructor(options: HealthMonitorOptions, deps: ExaminerDeps = NO_REQUESTS) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Begins to watch a worker that is starting. */
  watch(
    worker: WatchedWorker,
    report: (report: HealthReport) => void,
  ): HealthWatch {
    const options = { ...this.#options, ...this.#deps };
    return new Watch(worker, options, report);
  }
}

const NO_REQUESTS: ExaminerDeps = {
  events: new EventEmitter(),
  requests: { oldest: () => null, newlySlow: () => [] },
};

/** Probes one worker, one probe at a time. */
class Watch implements HealthWatch {
  readonly #worker: WatchedWorker;
  readonly #options: HealthMonitorOptions;
  readonly #examiner: Examiner;
  readonly #report: (report: HealthReport) => void;
  readonly #alarm = new Alarm();
  readonly #stopping = new AbortController();
  readonly #schedule: ProbeSchedule;
  readonly #task: Promise<void>;

  constructor(
    worker: WatchedWorker,
    options: HealthMonitorOptions & ExaminerDeps,
    report: (report: HealthReport) => void,
  ) {
    this.#worker = worker;
    this.#options = options;
    this.#examiner = new Examiner(worker, options);
    this.#schedule = new ProbeSchedule(options.healthIntervalMs, Math.random);
    this.#report = report;
    this.#task = this.#run();
  }

  suspect(): void {
    if (this.#schedule.hurry()) this.#alarm.wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#alarm.wake();
    await this.#task;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const options = { ...this.#options, signal };
    let count = UNPROBED;
    while (!signal.aborted) {
      const startedAt = performance.now();
      const result = await probe(this.#worker, options);
      if (result.kind === "aborted") return;
      const passed = isHealthy(result, options.healthStrict);
      if (result.kind !== "not-made") {
        count = countProbe(count, outcomeOf(result, passed), options);
        const findings = await this.#examiner.examine(result, count);
        if (signal.aborted) return;
        this.#report({
          healthy: count.healthy,
          reach: reachOf(count, options),
          ...findings,
        });
      }
      const elapsedMs = performance.now() - startedAt;
      await this.#alarm.sleep(this.#schedule.pauseAfter(passed, elapsedMs));
    }
  }
}

function outcomeOf(result: ProbeResult, passed: boolean): ProbeOutcome {
  if (passed) return "passed";
  return result.kind === "answered" ? "failed" : "silent";
}
