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
import { isHealthy, probe } from "./probe.ts";
import { countProbe, type Thresholds, UNPROBED } from "./thresholds.ts";

/** First pause between two probes while an answer is awaited, in milliseconds: workers start in 25 to 200 ms. */
const FIRST_PAUSE_MS = 5;

/** How much longer each next pause is. */
const PAUSE_GROWTH = 1.3;

/** Longest such pause, in milliseconds: what a slow start is noticed too late at most. */
const LAST_PAUSE_MS = 100;

/**
 * Longest time from the beginning of a probe that failed to that of the next,
 * in milliseconds: one that kept us waiting is followed at once. So a worker
 * that hangs is known for it after the interval and as many timeouts as make
 * it unhealthy, which is 8 s by default.
 */
const RETRY_INTERVAL_MS = 500;

/** Share of the interval by which it varies, so that the workers' probes drift apart. */
const JITTER_RATIO = 0.1;

/** How workers are probed and judged. */
export interface HealthMonitorOptions extends Thresholds, ExaminerOptions {
  /** Path that is probed. */
  readonly healthPath: string;
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
  readonly #task: Promise<void>;
  /** The pause while an answer is awaited, or `null` between regular probes. */
  #eagerPauseMs: number | null = FIRST_PAUSE_MS;

  constructor(
    worker: WatchedWorker,
    options: HealthMonitorOptions & ExaminerDeps,
    report: (report: HealthReport) => void,
  ) {
    this.#worker = worker;
    this.#options = options;
    this.#examiner = new Examiner(worker, options);
    this.#report = report;
    this.#task = this.#run();
  }

  suspect(): void {
    if (this.#eagerPauseMs !== null) return;
    this.#eagerPauseMs = FIRST_PAUSE_MS;
    this.#alarm.wake();
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
        count = countProbe(count, passed, options);
        const findings = await this.#examiner.examine(result, count);
        if (signal.aborted) return;
        this.#report({ healthy: count.healthy, ...findings });
      }
      await this.#alarm.sleep(this.#pause(passed, startedAt));
    }
  }

  #pause(passed: boolean, startedAt: number): number {
    const eager = this.#eagerPauseMs;
    const interval = this.#options.healthIntervalMs;
    if (eager !== null && passed) {
      this.#eagerPauseMs = null;
      // Workers that became ready together are not probed together.
      return interval * Math.random();
    }
    if (eager !== null) {
      this.#eagerPauseMs = Math.min(eager * PAUSE_GROWTH, LAST_PAUSE_MS);
      return Math.min(eager, interval);
    }
    const jitter = 1 + JITTER_RATIO * (2 * Math.random() - 1);
    const period = passed ? interval : Math.min(interval, RETRY_INTERVAL_MS);
    return startedAt + period * jitter - performance.now();
  }
}
