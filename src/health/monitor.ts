/**
 * Watches each worker from outside, from its start to its end, and reports
 * what it sees. What follows from it is the pool's to decide.
 *
 * @module
 */

import { Alarm } from "../shared/alarm.ts";
import { EventEmitter } from "../events/mod.ts";
import { NO_FIGURES } from "../plane/contract.ts";
import type {
  HealthReport,
  HealthWatch,
  HealthWatcher,
  WatchedWorker,
} from "../pool/health_watcher.ts";
import {
  WorkerDiagnoser,
  type WorkerDiagnoserDeps,
  type WorkerDiagnoserOptions,
} from "./worker_diagnoser.ts";
import { setImmediate } from "node:timers";
import { openProc } from "../system/open_proc.ts";
import type { Proc } from "../system/proc.ts";
import { WorkerSockets } from "../system/worker_sockets.ts";
import { isHealthy, type ProbeResult } from "./probe.ts";
import { ProbeSchedule } from "./probe_schedule.ts";
import { StartupLook } from "./startup_look.ts";
import {
  countLoss,
  countProbe,
  type ProbeOutcome,
  reachOf,
  type Thresholds,
  UNPROBED,
} from "./thresholds.ts";
import { WorkerProbe } from "./worker_probe.ts";

/** How workers are probed and judged. */
export interface HealthMonitorOptions
  extends Thresholds, WorkerDiagnoserOptions {
  /** What the Host field of probes says; `null` is address and port of the worker. @default {null} */
  readonly healthHost?: string | null;
  /** Whether only 2xx and 3xx are healthy, and not anything below 500. */
  readonly healthStrict: boolean;
  /** Milliseconds from the beginning of a probe that passed to that of the next. */
  readonly healthIntervalMs: number;
  /** Longest wait for a probe's response, in milliseconds. */
  readonly healthTimeoutMs: number;
}

/** The {@linkcode HealthWatcher} of the pool: active probes over connections of their own. */
export class HealthMonitor implements HealthWatcher {
  readonly #options: HealthMonitorOptions;
  readonly #deps: WorkerDiagnoserDeps;
  /** The generation of which a worker was last seen to serve several connections; 0 is none. */
  readonly #concurrent = { generation: 0 };
  #sockets: WorkerSockets | null = null;

  /** Creates a monitor that watches nothing yet. Without `deps` it knows of no requests. */
  constructor(
    options: HealthMonitorOptions,
    deps: WorkerDiagnoserDeps = NO_REQUESTS,
  ) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Begins to watch a worker that is starting. */
  watch(
    worker: WatchedWorker,
    report: (report: HealthReport) => void,
  ): HealthWatch {
    this.#sockets ??= new WorkerSockets(openSoon());
    const options = {
      ...this.#options,
      ...this.#deps,
      sockets: this.#sockets,
      concurrent: this.#concurrent,
    };
    return new Watch(worker, options, report);
  }

  /** Lets go of what it looks at sockets with. */
  async close(): Promise<void> {
    const sockets = this.#sockets;
    this.#sockets = null;
    await sockets?.close();
  }
}

/** Opens /proc once the workers that are started in this turn have been: where that takes a shell, they come first. */
async function openSoon(): Promise<Proc | null> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  return openProc();
}

const NO_REQUESTS: WorkerDiagnoserDeps = {
  events: new EventEmitter(),
  plane: { ask: () => Promise.resolve(null), figuresOf: () => NO_FIGURES },
};

/** What a watch goes by. */
type WatchOptions = HealthMonitorOptions & WorkerDiagnoserDeps & {
  readonly sockets: WorkerSockets;
  readonly concurrent: { generation: number };
};

/** Probes one worker, one probe at a time. */
class Watch implements HealthWatch {
  readonly #worker: WatchedWorker;
  readonly #options: WatchOptions;
  readonly #diagnoser: WorkerDiagnoser;
  readonly #startup: StartupLook;
  readonly #probe: WorkerProbe;
  readonly #report: (report: HealthReport) => void;
  readonly #alarm = new Alarm();
  readonly #stopping = new AbortController();
  readonly #schedule: ProbeSchedule;
  readonly #task: Promise<void>;

  constructor(
    worker: WatchedWorker,
    options: WatchOptions,
    report: (report: HealthReport) => void,
  ) {
    const { sockets, concurrent } = options;
    const { signal } = this.#stopping;
    this.#worker = worker;
    this.#options = options;
    this.#diagnoser = new WorkerDiagnoser(worker, options);
    this.#startup = new StartupLook(worker, options, sockets);
    this.#probe = new WorkerProbe(worker, options, {
      sockets,
      concurrent,
      signal,
    });
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
    this.#options.sockets.forget(this.#worker);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const options = this.#options;
    let count = UNPROBED;
    while (!signal.aborted) {
      const startedAt = performance.now();
      const result = await this.#probe.run(count.healthy === null);
      if (result.type === "aborted") return;
      const passed = isHealthy(result, options.healthStrict);
      if (result.type !== "not-made") {
        count = result.type === "foreign"
          ? countLoss(count)
          : countProbe(count, outcomeOf(result, passed), options);
        const startup = count.healthy === null
          ? await this.#startup.look(result)
          : null;
        const findings = await this.#diagnoser.diagnose(result, count, startup);
        if (signal.aborted) return;
        const { hostname, serial, listener } = this.#probe;
        const { healthy } = count;
        const reach = reachOf(count, options);
        const seen = { healthy, reach, hostname, serial, listener, startup };
        this.#report({ ...seen, ...findings });
      }
      const elapsedMs = performance.now() - startedAt;
      await this.#alarm.sleep(this.#schedule.pauseAfter(passed, elapsedMs));
    }
  }
}

function outcomeOf(result: ProbeResult, passed: boolean): ProbeOutcome {
  if (passed) return "passed";
  return result.type === "responded" ? "failed" : "silent";
}
