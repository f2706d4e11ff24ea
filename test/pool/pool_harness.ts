/**
 * A pool with real workers on free ports, whose events can be awaited.
 *
 * @module
 */

import { EventEmitter, type PoolEvent } from "../../src/events/mod.ts";
import {
  HealthMonitor,
  type HealthMonitorOptions,
} from "../../src/health/monitor.ts";
import type { HealthReport } from "../../src/pool/health_watcher.ts";
import { Pool } from "../../src/pool/pool.ts";
import type {
  PoolDeps,
  WorkerPoolOptions,
} from "../../src/pool/pool_options.ts";
import { lockPort } from "../../src/pool/port_lock.ts";
import type { PortChecks } from "../../src/pool/ports.ts";
import { runningClock } from "../../src/shared/running_clock.ts";
import type { UsageReader } from "../../src/system/group_usage.ts";
import { Dispatcher } from "../../src/upstream/dispatcher.ts";
import { roundRobin } from "../../src/upstream/policy/round_robin.ts";
import { denoFixture } from "../support/fixture.ts";
import { planeOf } from "../support/local_plane.ts";
import { Changes } from "../support/changes.ts";
import { portsListenedOn } from "../support/free_port.ts";

/** Longer than any test: regular probes do not come to its help. */
export const NO_PROBES_MS = 3_600_000;

/** Tries no port by listening there: see there. */
const PORT_CHECKS: PortChecks = {
  lock: lockPort,
  isFree: (port) => !portsListenedOn().has(port),
};

/** Event of one type. */
type EventOf<T extends PoolEvent["type"]> = Extract<PoolEvent, { type: T }>;

/** The command of a worker of ours with these habits. */
export function poolWorker(...habits: readonly string[]): readonly string[] {
  return denoFixture("pool_worker.ts", ...habits);
}

/** What a pool under test works with. */
interface HarnessDeps extends Pick<PoolDeps, "oomKills"> {
  /** The memory of a worker, by its process id; `null` where it cannot be read. */
  readonly readMemory?: (pid: number) => number | null;
}

/** Reads the memory of workers from `readMemory`. */
function usageFrom(
  readMemory: (pid: number) => number | null,
): UsageReader {
  return {
    read: (leaders) =>
      new Map(leaders.map((pid) => [pid, {
        rssBytes: readMemory(pid),
        cpuSeconds: null,
      }])),
    exactRssBytes: readMemory,
  };
}

/** A pool under test; disposing of it stops it. */
export class PoolHarness {
  readonly pool: Pool;
  readonly dispatcher: Dispatcher;
  readonly seen: PoolEvent[] = [];
  /** When each event was seen. */
  readonly seenAt = new Map<PoolEvent, number>();
  readonly #reports: HealthReport[] = [];
  readonly #running = runningClock();
  #passedMs = 0;
  readonly #changes = new Changes();

  constructor(
    argv: readonly string[],
    options: Partial<WorkerPoolOptions & HealthMonitorOptions> = {},
    { readMemory, ...deps }: HarnessDeps = {},
  ) {
    const all = {
      workerCommand: { kind: "arguments", argv },
      poolSize: 1,
      minWorkers: 1,
      maxWorkers: 8,
      workerPort: 0,
      workerLogRate: 10_000,
      workerLogBytes: 4_194_304,
      startupTimeoutMs: 60_000,
      drainTimeoutMs: 60_000,
      stopTimeoutMs: 10_000,
      stopSignal: "SIGTERM",
      healthPath: "/",
      healthStrict: false,
      healthHost: null,
      healthIntervalMs: 100,
      healthTimeoutMs: 60_000,
      healthFall: 2,
      healthRise: 1,
      slowRequestMs: 0,
      workerEnvironment: {},
      spareWorkers: 0,
      reloadSurge: 1,
      reloadCanaryRequests: 0,
      affinity: null,
      skewProtection: false,
      skewGraceMs: 60_000,
      outlierDetection: true,
      maxRequests: 0,
      maxRequestsJitter: 0,
      maxWorkerAgeS: 0,
      maxWorkerMemoryMb: 0,
      ...options,
    } as const;
    this.dispatcher = new Dispatcher({
      skewProtection: all.skewProtection,
      policy: roundRobin,
      workerConcurrency: 0,
      maxQueue: 10,
      queueTimeoutMs: 1_000,
    });
    const events = new EventEmitter();
    events.subscribe((event) => {
      this.seen.push(event);
      this.seenAt.set(event, performance.now());
      this.#changes.notify();
    });
    const health = new HealthMonitor(all);
    this.pool = new Pool(all, {
      ...deps,
      ...readMemory && { usage: usageFrom(readMemory) },
      plane: planeOf(this.dispatcher),
      events,
      portChecks: PORT_CHECKS,
      clock: () => this.#running() + this.#passedMs,
      health: {
        watch: (worker, report) =>
          health.watch(worker, (seen) => {
            report(seen);
            this.#reports.push(seen);
            this.#changes.notify();
          }),
        close: () => health.close(),
      },
    });
  }

  /** What was seen of a worker, past or future, that satisfies `predicate`. */
  report(predicate: (report: HealthReport) => boolean): Promise<HealthReport> {
    return this.#changes.until(() => this.#reports.find(predicate), {
      describe: () => `nothing of the kind was seen of a worker: ${predicate}`,
    });
  }

  /** Has the pool believe that so much time has passed, and resolves once it has looked what is due. */
  pass(ms: number): Promise<void> {
    this.#passedMs += ms;
    return this.pool.pulse();
  }

  /** Those of the events so far that are of this type. */
  all<T extends PoolEvent["type"]>(type: T): EventOf<T>[] {
    return this.seen.filter((event): event is EventOf<T> =>
      event.type === type
    );
  }

  /** Which workers have come and gone since event `from`, such as `"worker-ready 0"`. */
  turnover(from: number): readonly string[] {
    return this.seen.slice(from).flatMap((event) =>
      event.type === "worker-spawned" || event.type === "worker-ready" ||
        event.type === "worker-draining"
        ? [`${event.type} ${event.workerId}`]
        : []
    );
  }

  /** The `count`th event of this type, past or future. */
  nth<T extends PoolEvent["type"]>(
    type: T,
    count: number,
  ): Promise<EventOf<T>> {
    return this.#changes.until(() => this.all(type)[count - 1], {
      describe: () =>
        `event ${count} of type ${type} did not come; there were ${
          this.seen.map((event) => event.type).join(", ")
        }`,
    });
  }

  /** Process ids of the workers, by slot. */
  get pids(): number[] {
    return this.pool.snapshot().workers.map((worker) => worker.pid!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.stop();
  }
}
