/**
 * A pool in a made-up world: processes that end when they are told to, probes
 * that see what they are told to see, and a clock that is moved by hand.
 *
 * The reconciler, the reloads and the starter are the real ones.
 *
 * @module
 */

import { EventEmitter, type PoolEvent } from "../../src/events/mod.ts";
import {
  countProbe,
  type ProbeOutcome,
  reachOf,
  UNPROBED,
} from "../../src/health/thresholds.ts";
import type { WorkerSpec } from "../../src/pool/generation.ts";
import type { Goal, StaffingOptions } from "../../src/pool/goal.ts";
import type { HealthReport } from "../../src/pool/health_watcher.ts";
import { LaunchError } from "../../src/pool/launch_error.ts";
import { Reconciler } from "../../src/pool/reconciler.ts";
import type { ReloadReport } from "../../src/events/reload_report.ts";
import { Reloads } from "../../src/pool/reloads.ts";
import type { LaunchSpec } from "../../src/pool/worker_process.ts";
import { WorkerStarter } from "../../src/pool/worker_starter.ts";
import { Dispatcher } from "../../src/upstream/dispatcher.ts";
import { roundRobin } from "../../src/upstream/policy/round_robin.ts";
import type { InFlightExchange } from "../../src/upstream/in_flight.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { LatePlane, planeOf } from "../support/local_plane.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A program that is launched once in a while fails like this. */
const LAUNCH_FAILS = new LaunchError("failed", "out of luck");

/** How workers come and go in this world. */
export const OPTIONS: StaffingOptions = {
  startupTimeoutMs: 2_000,
  drainTimeoutMs: 3_000,
  stopTimeoutMs: 2_000,
  stopSignal: "SIGTERM",
  reloadSurge: 2,
  affinity: null,
  skewProtection: true,
  skewGraceMs: 30_000,
  outlierDetection: true,
  maxRequests: 40,
  maxRequestsJitter: 0.5,
  maxWorkerAgeS: 120,
  maxWorkerMemoryMb: 100,
};

/** A made-up process. */
export interface ModelProcess {
  readonly port: number;
  readonly generation: number;
  readonly upstreamId: number;
  /** Whether it has been told to end, and does. */
  asked: boolean;
  alive: boolean;
  /** Whether it fails the requests it is given. */
  broken: boolean;
  /** Whether it leaves others behind when it ends. */
  lingers: boolean;
  /** Lets those end. */
  clear(): void;
  probes: typeof UNPROBED;
  /** Ends it. */
  exit(code: number): void;
  /** Whoever watches it; gone when the watch ends. */
  report: ((report: HealthReport) => void) | null;
}

/** A request that a worker has. */
export class ModelClaim implements InFlightExchange {
  next: InFlightExchange | null = null;
  previous: InFlightExchange | null = null;
  readonly upstream: Upstream;
  /** Whether it goes on until the worker ends it. */
  readonly stream: boolean;
  readonly responded = true;
  readonly sent = true;
  readonly request = {
    startedAt: 0,
    givenAt: 0,
    id: "",
    describe: () => ({ method: "GET", target: "/" }),
  };
  readonly retries = {
    losses: 0,
    noteLoss(): void {},
    disableRetry(): void {},
    convict(): void {},
  };

  constructor(upstream: Upstream, stream: boolean) {
    this.upstream = upstream;
    this.stream = stream;
    upstream.exchanges.enter(this);
  }

  cut(): void {}

  retryElsewhere(): void {}
}

/** What is wanted, for the walk to change. */
export interface Wish {
  workers: number;
  spares: number;
  stopping: boolean;
}

/** A pool and everything around it. */
export class ModelWorld {
  readonly clock = new FakeClock(1_000);
  readonly events: PoolEvent[] = [];
  readonly reports: ReloadReport[] = [];
  readonly processes = new Set<ModelProcess>();
  /** What reads the last output of processes that are gone. */
  readonly unread: (() => void)[] = [];
  readonly claims: ModelClaim[] = [];
  /** Processes that have ended and left others behind. */
  readonly lingering = new Set<ModelProcess>();
  readonly wish: Wish = { workers: 3, spares: 1, stopping: false };
  readonly dispatcher = new Dispatcher({
    policy: roundRobin,
    workerConcurrency: 0,
    maxQueue: 0,
    queueTimeoutMs: 0,
    slowStartMs: 0,
    skewProtection: true,
  });
  readonly reloads: Reloads;
  readonly reconciler: Reconciler;
  /**
   * The upstream whose clients make requests that fail, whoever serves them;
   * `null` when there are none.
   */
  cursed: number | null = null;
  /** When the next pass is due at the latest. */
  dueAt = 0;
  /** Whether the next program that is launched cannot be. */
  launchFails = false;

  readonly #options: StaffingOptions;
  readonly #plane = new LatePlane(planeOf(this.dispatcher));
  readonly #starter: WorkerStarter;
  #nextPid = 100;

  constructor(spec: WorkerSpec, options: Partial<StaffingOptions> = {}) {
    this.#options = { ...OPTIONS, ...options };
    this.#plane.subscribe((fact) => {
      if (fact.type === "refused") this.#suspect(fact.key);
    });
    const emitter = new EventEmitter();
    emitter.subscribe((event) => this.events.push(event));
    this.#starter = new WorkerStarter(
      { workerPort: 0, workerLogRate: 0, workerLogBytes: 0 },
      {
        events: emitter,
        clock: this.clock.now,
        wake: () => {},
        plane: this.#plane,
        health: {
          watch: (target, report) => {
            const process = this.#running().find(({ port }) =>
              port === target.port
            )!;
            process.report = report;
            return {
              suspect(): void {},
              stop: () => {
                process.report = null;
                return Promise.resolve();
              },
            };
          },
        },
        launch: (launch) => this.#launch(launch),
        portChecks: { lock: () => null, isFree: () => true },
      },
    );
    this.reloads = new Reloads(spec, emitter);
    this.reconciler = new Reconciler({
      plane: this.#plane,
      events: emitter,
      starter: this.#starter,
    });
  }

  /** What the next pass works towards. */
  get goal(): Goal {
    const { workers, spares, stopping } = this.wish;
    return {
      workers: stopping ? 0 : workers,
      spares: stopping ? 0 : spares,
      generation: this.reloads.generation,
      provenGeneration: this.reloads.provenGeneration,
      surplusReason: stopping ? "stop" : "scale-down",
      mayTakeOver: (worker) => this.reloads.mayTakeOver(worker),
      options: this.#options,
    };
  }

  /** Makes a pass, as the pool does. */
  pass(): void {
    const now = this.clock.now();
    const { slots } = this.reconciler.roster;
    const view = { slots, now, reloadCanaryRequests: 3 };
    const judgeAt = this.reloads.judge(view);
    this.dueAt = Math.min(judgeAt, this.reconciler.reconcile(this.goal, now));
  }

  /** Asks for a reload, and keeps its report. */
  reload(spec: WorkerSpec): void {
    void this.reloads.request(spec).then((report) => this.reports.push(report));
  }

  /** Lets a probe of a process see something. */
  probe(process: ModelProcess, outcome: ProbeOutcome): void {
    if (process.report === null) return;
    const thresholds = { healthFall: 3, healthRise: 1 };
    process.probes = countProbe(process.probes, outcome, thresholds);
    const { healthy, failures } = process.probes;
    process.report({
      healthy,
      hostname: "127.0.0.1",
      startup: null,
      failures,
      reach: reachOf(process.probes, thresholds),
      reason: outcome,
      diagnosis: outcome === "passed" ? "well" : "failing",
      cpuRatio: null,
      oldestRequest: null,
    });
  }

  /** Has each upstream that is published respond to so many requests. */
  respond(requests: number): void {
    const { upstreams } = this.dispatcher;
    const tied = upstreams.some(({ key }) => key === this.cursed);
    for (const upstream of upstreams) {
      const { key, port } = upstream;
      const process = this.#running().find((other) => other.port === port);
      const fails = process?.broken || key === this.cursed;
      const errors = fails
        ? requests
        : this.cursed === null || tied
        ? 0
        : requests / 2;
      upstream.requests += requests;
      upstream.serverErrors += errors;
    }
  }

  /** Processes that run. */
  #running(): ModelProcess[] {
    return [...this.processes].filter(({ alive }) => alive);
  }

  /** From now on the data plane hears nothing of the pool until {@linkcode deliver}, or at once again. */
  set late(late: boolean) {
    this.#plane.late = late;
    if (!late) this.#plane.deliver();
  }

  /** Brings the data plane up to date with what the pool has told it. */
  deliver(): void {
    this.#plane.deliver();
  }

  /** Waits until whatever was set off has been noticed. */
  async settle(): Promise<void> {
    // An exit is noticed some promises later.
    for (let turn = 0; turn < 16; turn++) await Promise.resolve();
  }

  /** Waits for the tasks of a pool in which nothing runs any more. */
  async end(): Promise<void> {
    await this.#starter.stop(false);
  }

  #suspect(key: number): void {
    const worker = this.reconciler.roster.workers
      .find(({ upstream }) => upstream.key === key);
    if (worker === undefined) return;
    worker.upstream.refused();
    worker.suspect = true;
  }

  #launch(launch: LaunchSpec): ReturnType<
    NonNullable<ConstructorParameters<typeof WorkerStarter>[1]["launch"]>
  > {
    if (this.launchFails) {
      this.launchFails = false;
      throw LAUNCH_FAILS;
    }
    const gone = Promise.withResolvers<{ code: number; signal: null }>();
    const read = Promise.withResolvers<void>();
    const cleared = Promise.withResolvers<void>();
    const process: ModelProcess = {
      port: launch.port,
      generation: launch.generation,
      upstreamId: launch.id,
      asked: false,
      alive: true,
      broken: false,
      lingers: false,
      clear: () => {
        this.lingering.delete(process);
        cleared.resolve();
      },
      probes: UNPROBED,
      report: null,
      exit: (code) => {
        process.alive = false;
        this.processes.delete(process);
        gone.resolve({ code, signal: null });
        if (process.lingers) this.lingering.add(process);
        else process.clear();
        this.unread.push(read.resolve);
      },
    };
    this.processes.add(process);
    return {
      pid: this.#nextPid++,
      command: launch.workerCommand.argv,
      exited: gone.promise,
      finished: read.promise,
      looked: gone.promise.then(() => {}),
      cleared: cleared.promise,
      remaining: [],
      lastOutput: [],
      terminate: () => {
        process.asked = true;
      },
      kill: () => {
        process.lingers = false;
        if (process.alive) process.exit(137);
        process.clear();
      },
      abandon: () => {},
    };
  }
}

/** A generation whose programs are called so. */
export function specCalled(name: string): WorkerSpec {
  return {
    workerCommand: { kind: "arguments", argv: [name] },
    workerEnvironment: {},
  };
}
