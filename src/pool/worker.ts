/**
 * One worker of the pool: its process, its state, and what has been seen of
 * it. Every change of state is made here, and is an event.
 *
 * It decides nothing: the pool's reconcile loop does, and calls it.
 *
 * @module
 */

import type {
  DrainReason,
  EventEmitter,
  ExitStatus,
  Killer,
  Replacement,
  RequestOutcomes,
  StartupFindings,
  StartupObstacle,
  WorkerEvent,
  WorkerRef,
} from "../events/mod.ts";
import {
  type DataPlane,
  type LossSuspects,
  NO_SUSPECTS,
} from "../plane/contract.ts";
import type { HealthReport, HealthWatch } from "./health_watcher.ts";
import {
  type StopSignal,
  WORKER_HOST,
  type WorkerIdentity,
} from "./worker_command.ts";
import type { Comparison } from "./outlier.ts";
import { describeEnd, describeStartFailure, wasKilled } from "./worker_end.ts";
import type { WorkerProcess } from "./worker_process.ts";
import {
  type TerminationCause,
  transition,
  type WorkerInput,
  type WorkerState,
} from "./worker_state.ts";
import { UpstreamRecord } from "./upstream_record.ts";
import { randomName, UPSTREAM_NAME_OCTETS } from "../shared/random_name.ts";

/** How long a process that has been stopped may still be continued, in milliseconds: what it has in flight waits no longer. */
const STOPPED_PATIENCE_MS = 1_000;

/** An event of a worker, but for who it is. */
type ToldEvent = WorkerEvent extends infer Event
  ? Event extends WorkerRef ? Omit<Event, keyof WorkerRef> : never
  : never;

/** How a worker is asked to end. */
export interface TerminationOrder {
  readonly signal: StopSignal;
  /** When it is made to, on the pool's clock. */
  readonly killAt: number;
}

/** What a worker is made of. */
export interface WorkerParts {
  readonly process: WorkerProcess;
  /** What the data plane calls it: nobody else has ever been called so. */
  readonly key: number;
  readonly plane: DataPlane;
  readonly events: EventEmitter;
  /** Now, on the pool's clock. */
  readonly now: number;
  /** How long it may take to become ready, in milliseconds. */
  readonly startupTimeoutMs: number;
  /** Whether its HTTP server is moved to its port. @default {false} */
  readonly moved?: boolean;
}

/** A worker, from its start to its end. */
export class Worker implements WorkerIdentity {
  readonly id: number;
  readonly port: number;
  readonly generation: number;
  readonly process: WorkerProcess;
  /** What the data plane sees of it. */
  readonly upstream: UpstreamRecord;
  /** When it was started, on the pool's clock. */
  readonly startedAt: number;
  /** When it was started, as milliseconds since the Unix epoch. */
  readonly startedAtEpochMs: number = Date.now();

  /** The watch over its health, while there is one. */
  watch: HealthWatch | null = null;
  /** What the probes have last shown, or `null` before the first. */
  health: HealthReport | null = null;
  /** Whether it is to be started again in another way: its server moved to its port, or no longer. */
  restart = false;
  /** Whether its output has said that its port is taken. */
  portTaken = false;
  /** Whether its HTTP server is moved to its port, whatever port is written into it. */
  readonly moved: boolean;
  /** Whether it has refused a connection and not passed a probe since. */
  suspect = false;
  /**
   * Why it is in rotation although it fails its probes: most fail them
   * together, or there is nobody better; `null` when it is not.
   */
  retained: "panic" | "last" | null = null;
  /** Whether it has been given work: only then may clients be tied to it. */
  hasServed = false;
  /** Whether it is out of rotation for the requests it has failed. */
  withheld = false;
  /** Whether it is to be replaced for them. */
  failing = false;
  /** How the process ended, once it has and its last output has been read. */
  exit: ExitStatus | null = null;
  /** Who killed it, once it is gone; `null` when it was not killed, or by us. */
  killer: Killer | null = null;
  /** When its process was seen to be gone, on the pool's clock; `null` while it runs. */
  goneAt: number | null = null;
  /** The requests that may be why it is gone. */
  lossSuspects: LossSuspects = NO_SUSPECTS;
  /** Most memory it has been seen to use, in bytes; 0 when that is not looked at. */
  peakRssBytes = 0;
  /** Uniform in [0, 1): by this, workers that were started together differ. */
  readonly jitterSeed: number = Math.random();

  readonly #events: EventEmitter;
  readonly #plane: DataPlane;
  #startupTimeoutMs: number;
  readonly #delays = new Set<StartupObstacle>();
  #state: WorkerState;
  #readyAt: number | null = null;
  #killed = false;
  /** Whether it has left its place, and serves on for the clients that are tied to it. */
  #kept = false;

  /** Takes charge of a process that has just been started. */
  constructor(identity: WorkerIdentity, parts: WorkerParts) {
    this.id = identity.id;
    this.port = identity.port;
    this.generation = identity.generation;
    this.process = parts.process;
    this.startedAt = parts.now;
    this.moved = parts.moved ?? false;
    this.upstream = new UpstreamRecord({
      key: parts.key,
      id: this.id,
      hostname: WORKER_HOST,
      port: this.port,
      generation: this.generation,
      name: randomName(UPSTREAM_NAME_OCTETS),
    }, parts.plane);
    this.#plane = parts.plane;
    this.#events = parts.events;
    this.#startupTimeoutMs = parts.startupTimeoutMs;
    this.#state = {
      type: "starting",
      deadline: parts.now + parts.startupTimeoutMs,
    };
    this.#tell({ type: "worker-spawned", command: this.process.command });
  }

  /** Where it is in its life. */
  get state(): WorkerState {
    return this.#state;
  }

  /** Whether it may be given work. */
  get serviceable(): boolean {
    const { type } = this.#state;
    const judged = type === "ready" ||
      type === "unhealthy" && this.retained !== null;
    return judged && !this.suspect && !this.withheld && !this.upstream.retired;
  }

  /** Milliseconds from its spawn to its first good response, or `null` before that. */
  get startupMs(): number | null {
    return this.#readyAt === null ? null : this.#readyAt - this.startedAt;
  }

  /** Milliseconds since it first became ready, or `null` when it never did. */
  servedMs(now: number): number | null {
    return this.#readyAt === null ? null : now - this.#readyAt;
  }

  /** It passes its probes; `replaces` is what it makes good if that is the first time. */
  probePassed(now: number, replaces: Replacement | null): void {
    const recovered = this.#state.type === "unhealthy";
    this.#change({ type: "passed", now });
    this.#readyAt ??= now;
    if (recovered) {
      this.#tell({ type: "worker-recovered" });
    } else {
      this.#tell({
        type: "worker-ready",
        hostname: this.upstream.address.hostname,
        startupMs: now - this.startedAt,
        replaces,
      });
    }
  }

  /** Another program listens on its port: whoever is sent there does not reach it. */
  get displaced(): boolean {
    return this.health?.diagnosis === "displaced";
  }

  /** It may take until `deadline` to become ready. */
  extend(deadline: number): void {
    this.#startupTimeoutMs = Math.round(deadline - this.startedAt);
    this.#change({ type: "extend", deadline });
  }

  /** It is not ready yet, for a reason that is reported once. */
  delayed(startup: StartupFindings, now: number): void {
    if (!startup.reported || this.#delays.has(startup.obstacle)) return;
    if (this.#state.type !== "starting") return;
    this.#delays.add(startup.obstacle);
    this.#tell({
      type: "worker-start-delayed",
      ...startup,
      waitedMs: now - this.startedAt,
      startupTimeoutMs: this.#startupTimeoutMs,
    });
  }

  /** It is started again with its server moved to its port, or no longer. */
  move(moved: boolean, reason: string): void {
    this.restart = true;
    this.#tell({ type: "worker-moved", moved, reason });
  }

  /** It was held back, or kept for its clients, and is given work from now on. */
  promoted(replaces: Replacement | null): void {
    this.#tell({
      type: "worker-promoted",
      from: this.#kept ? "kept" : "spare",
      replaces,
    });
    this.#kept = false;
  }

  /** It serves on for the clients that are tied to it. */
  kept(reason: DrainReason, graceMs: number): void {
    this.#kept = true;
    this.#tell({ type: "worker-kept", reason, graceMs });
  }

  /** It fails its probes. */
  failed(now: number): void {
    this.#change({ type: "failed", now });
    this.#giveUpOn();
  }

  /** It fails the requests it is given, where its peers do not. */
  suspectOf({ own, peers }: Comparison): void {
    this.#tell({
      type: "worker-failing",
      own: countsOf(own),
      peers: countsOf(peers),
    });
  }

  /** It is not to blame for them, as the `peers` fail them, too, or that can no longer be told. */
  acquit(peers: RequestOutcomes | null): void {
    this.#tell({ type: "worker-acquitted", peers: peers && countsOf(peers) });
  }

  /** Longest time that is worth waiting for what it has in flight, and then for its end, in milliseconds. */
  get patienceMs(): number {
    return this.health?.diagnosis === "stopped"
      ? STOPPED_PATIENCE_MS
      : Infinity;
  }

  /** It shall finish what it has until `deadline`. */
  drain(reason: DrainReason, deadline: number): void {
    // The last one in service is not said to have failed while there is no other.
    if (reason === "unhealthy" && this.#state.type === "ready") {
      this.#giveUpOn();
    }
    this.#change({ type: "drain", reason, deadline });
    const { inFlight, streams } = this.upstream.figures;
    this.#tell({ type: "worker-draining", reason, inFlight, streams });
  }

  /** Whether it has nothing in flight that would be lost if it were asked to end. */
  get drained(): boolean {
    return this.upstream.drained;
  }

  /** Whether it has been made to end. */
  get killed(): boolean {
    return this.#killed;
  }

  /** It shall end by itself until `killAt`, and end its streams before. */
  terminate(cause: TerminationCause, order: TerminationOrder): void {
    const { signal, killAt } = order;
    this.upstream.retire();
    this.#change({ type: "terminate", cause, killAt });
    this.process.terminate(signal);
    this.#tellSignal(signal, cause);
  }

  /** It is made to end, now. Whatever it still has in flight is lost, and seen to be. */
  kill(cause: TerminationCause, reason: string): void {
    this.upstream.retire();
    this.#change({ type: "kill", cause });
    this.#killed = true;
    const { key } = this.upstream;
    // Its process is followed to its end by whoever started it.
    void this.#plane.ask({ type: "cut", key }).then(() => this.process.kill());
    this.#tellSignal("SIGKILL", reason);
  }

  /**
   * Its process is gone; `now` is when that was noticed.
   *
   * @returns Why it never became ready, as a sentence part; `null` when it
   * did, or was not meant to. Only in the latter case this is an event: a
   * failed start is told by whoever knows when the next one is.
   */
  markExited(status: ExitStatus, now: number): string | null {
    this.upstream.retire();
    const failure = this.#readyAt === null
      ? describeStartFailure({
        status,
        killer: this.killer,
        state: this.#state,
        health: this.health,
        remaining: this.process.remaining,
        startupTimeoutMs: this.#startupTimeoutMs,
      })
      : null;
    const { type } = this.#state;
    this.#change({ type: "exit", status });
    if (failure === null) {
      this.#tell({
        type: "worker-exited",
        status,
        killer: this.killer,
        expected: type === "draining" || type === "terminating",
        uptimeMs: now - this.startedAt,
        lastOutput: this.process.lastOutput,
        ...this.lossSuspects,
      });
    }
    return failure;
  }

  /** Whether it was killed, and not by us: itself, or the program behind a wrapper that says so with its code. */
  wasKilledByOthers(status: ExitStatus): boolean {
    return !this.#killed && wasKilled(status);
  }

  /** How it ended, as a sentence part. */
  describeEnd(status: ExitStatus): string {
    return describeEnd({ status, killer: this.killer });
  }

  /** Says what the matter is, before anything is done about it, and has others take over what they can. */
  #giveUpOn(): void {
    if (this.health === null) return;
    const { reason, failures, diagnosis, cpuRatio, oldestRequest } =
      this.health;
    const findings = { reason, failures, diagnosis, cpuRatio, oldestRequest };
    this.#tell({ type: "worker-unhealthy", ...findings });
    const { key } = this.upstream;
    this.#plane.send({ type: "recall", key, diagnosis });
  }

  #tell(event: ToldEvent): void {
    const { id, port, process, generation } = this;
    const ref = { workerId: id, port, pid: process.pid, generation };
    const { type, ...rest } = event;
    this.#events.emit({ type, ...ref, ...rest } as WorkerEvent);
  }

  #tellSignal(signal: Deno.Signal, reason: string): void {
    this.#tell({ type: "worker-signalled", signal, reason });
  }

  #change(input: WorkerInput): void {
    this.#state = transition(this.#state, input);
  }
}

function countsOf({ requests, errors }: RequestOutcomes): RequestOutcomes {
  return { requests, errors };
}
