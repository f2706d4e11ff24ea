/**
 * Watches each worker from outside, from its start to its end, and reports
 * what it sees. What follows from it is the pool's to decide.
 *
 * @module
 */

import { Alarm } from "../pool/alarm.ts";
import type {
  HealthReport,
  HealthWatch,
  HealthWatcher,
  ProbeTarget,
} from "../pool/health_watcher.ts";
import { describeProbe, isHealthy, probe } from "./probe.ts";
import { countProbe, type Thresholds, UNPROBED } from "./thresholds.ts";

/** First pause between two probes while an answer is awaited, in milliseconds: workers start in 25 to 200 ms. */
const FIRST_PAUSE_MS = 5;

/** How much longer each next pause is. */
const PAUSE_GROWTH = 1.3;

/** Longest such pause, in milliseconds: what a slow start is noticed too late at most. */
const LAST_PAUSE_MS = 100;

/** Share of the interval by which it varies, so that the workers' probes drift apart. */
const JITTER_RATIO = 0.1;

/** How workers are probed and judged. */
export interface HealthMonitorOptions extends Thresholds {
  /** Path that is probed. */
  readonly healthPath: string;
  /** Whether only 2xx and 3xx are healthy, and not anything below 500. */
  readonly healthStrict: boolean;
  /** Milliseconds from the beginning of a probe to that of the next. */
  readonly healthIntervalMs: number;
  /** Longest wait for a probe's answer, in milliseconds. */
  readonly healthTimeoutMs: number;
}

/** The {@linkcode HealthWatcher} of the pool: active probes over connections of their own. */
export class HealthMonitor implements HealthWatcher {
  readonly #options: HealthMonitorOptions;

  /** Creates a monitor that watches nothing yet. */
  constructor(options: HealthMonitorOptions) {
    this.#options = options;
  }

  /** Begins to watch a worker that is starting. */
  watch(
    target: ProbeTarget,
    report: (report: HealthReport) => void,
  ): HealthWatch {
    return new Watch(target, this.#options, report);
  }
}

/** Probes one worker, one probe at a time. */
class Watch implements HealthWatch {
  readonly #target: ProbeTarget;
  readonly #options: HealthMonitorOptions;
  readonly #report: (report: HealthReport) => void;
  readonly #alarm = new Alarm();
  readonly #stopping = new AbortController();
  readonly #task: Promise<void>;
  /** The pause while an answer is awaited, or `null` between regular probes. */
  #eagerPauseMs: number | null = FIRST_PAUSE_MS;

  constructor(
    target: ProbeTarget,
    options: HealthMonitorOptions,
    report: (report: HealthReport) => void,
  ) {
    this.#target = target;
    this.#options = options;
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
    const options = { ...this.#options, signal: this.#stopping.signal };
    let count = UNPROBED;
    while (!this.#stopping.signal.aborted) {
      const startedAt = performance.now();
      const result = await probe(this.#target, options);
      if (result.kind === "aborted") return;
      const passed = isHealthy(result, options.healthStrict);
      if (result.kind !== "not-made") {
        count = countProbe(count, passed, options);
        const { healthy, failures } = count;
        this.#report({ healthy, failures, reason: describeProbe(result) });
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
    return startedAt + interval * jitter - performance.now();
  }
}
