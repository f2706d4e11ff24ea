/**
 * Brings what is there closer to what is wanted, one synchronous pass at a
 * time.
 *
 * Level-triggered: a pass looks at the goal and at the facts marked on the
 * workers, never at how they came about, so a pass too many does no harm and
 * a wake-up lost is made good by the next. Because a pass never waits, no
 * request can be handed to a worker between the decision to take it out and
 * the publication of that decision.
 *
 * Knows nothing of commands, timers or requests.
 *
 * @module
 */

import type { DrainReason, EventEmitter } from "../events.ts";
import type { Dispatcher } from "../upstream/dispatcher.ts";
import { LaunchError } from "./launch_error.ts";
import {
  type PoolStartErrorCode,
  startError,
  type StartFailure,
} from "./pool_start_error.ts";
import { chooseLeaving, Slot } from "./slot.ts";
import type { Worker } from "./worker.ts";
import type { WorkerStarter, WorkerStarterOptions } from "./worker_starter.ts";
import { deadlineOf } from "./worker_state.ts";

/** How long a worker may take to end after SIGTERM, in milliseconds. Nothing is in flight on it any more. */
const KILL_TIMEOUT_MS = 5_000;

/** Unhealthy workers that are being replaced at once: each runs beside its successor for a while. */
const MAX_SUCCESSORS = 1;

/** An unhealthy worker is replaced after this many times the failures that made it so: until then it may recover. */
const FALLS_TO_REPLACE = 2;

/** Ports in a row a worker may lose to other programs before that counts as a failed start. */
const MAX_PORT_RACES = 3;

/** How workers come and go. */
export interface ReconcilerOptions extends WorkerStarterOptions {
  /** How long requests in flight may take when a worker is taken out, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** Failed probes in a row that make a worker unhealthy. */
  readonly healthFall: number;
}

/** What a reconciler works with. */
export interface ReconcilerDeps {
  readonly dispatcher: Dispatcher;
  readonly events: EventEmitter;
  readonly starter: WorkerStarter;
}

/** What is wanted. */
export interface Goal {
  /** How many workers. */
  readonly workers: number;
  /** Which (re)load new workers belong to, from 1. */
  readonly generation: number;
  /** Why those go that are too many. */
  readonly surplusReason: DrainReason;
}

/** Holds the slots and the workers, and closes the gap to the goal. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #dispatcher: Dispatcher;
  readonly #events: EventEmitter;
  readonly #starter: WorkerStarter;
  #slots: readonly Slot[] = [];
  /** Workers that have left their slot and are not gone yet. */
  readonly #leaving = new Set<Worker>();
  #formerRestarts = 0;

  /** Creates a reconciler with nothing in it. */
  constructor(options: ReconcilerOptions, deps: ReconcilerDeps) {
    this.#options = options;
    this.#dispatcher = deps.dispatcher;
    this.#events = deps.events;
    this.#starter = deps.starter;
  }

  /** The slots, in the order of their creation. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Every worker whose process may still run. */
  get workers(): readonly Worker[] {
    return [...this.#slots.flatMap((slot) => slot.workers), ...this.#leaving];
  }

  /** Whether there is neither a slot nor a worker left. */
  get empty(): boolean {
    return this.#slots.length === 0 && this.#leaving.size === 0;
  }

  /** Workers replaced so far, in slots that are no more too. */
  get restarts(): number {
    return this.#slots.reduce(
      (sum, slot) => sum + slot.restarts,
      this.#formerRestarts,
    );
  }

  /** Makes one pass, and returns when the next is due at the latest. */
  reconcile(goal: Goal, now: number): number {
    this.#reap(now);
    this.#judgeHealth(now);
    this.#resize(goal, now);
    this.#installSuccessors(now);
    this.#publish();
    this.#expire(now);
    this.#spawn(goal, now);
    return this.#nextDeadline();
  }

  /** Takes out the workers whose processes are gone. */
  #reap(now: number): void {
    for (const worker of this.workers) {
      if (worker.exit === null) continue;
      const startFailure = worker.bury(worker.exit, now);
      this.#starter.release(worker);
      if (this.#leaving.delete(worker)) continue;
      const slot = this.#slots.find((s) => s.workers.includes(worker))!;
      slot.vacate(worker);
      if (startFailure === null) slot.noteEnd(worker.servedMs(now), now);
      else this.#noteFailedStart(slot, worker, startFailure, now);
    }
  }

  /** Puts workers into and out of service as their probes have it. */
  #judgeHealth(now: number): void {
    for (const slot of this.#slots) {
      for (const worker of slot.workers) {
        const healthy = worker.health?.healthy;
        const { name } = worker.state;
        if (healthy === true && (name === "starting" || name === "unhealthy")) {
          worker.answered(now);
          slot.noteReady();
        }
        // Probes alone never take the last one out: a sick worker is better than none.
        if (healthy === false && name === "ready" && this.#othersServe(slot)) {
          worker.failed(now);
        }
      }
    }
  }

  /** Makes as many slots as there shall be workers. */
  #resize(goal: Goal, now: number): void {
    while (this.#slots.length < goal.workers) {
      this.#slots = [...this.#slots, new Slot(this.#freeSlotId())];
    }
    const surplus = this.#slots.length - goal.workers;
    if (surplus === 0) return;
    const going = new Set(chooseLeaving(this.#slots, surplus));
    this.#slots = this.#slots.filter((slot) => !going.has(slot));
    for (const slot of going) {
      this.#formerRestarts += slot.restarts;
      for (const worker of slot.workers) {
        this.#dismiss(worker, goal.surplusReason, now);
      }
    }
  }

  /** Lets successors that are ready take over, and sends those away that are not needed any more. */
  #installSuccessors(now: number): void {
    for (const slot of this.#slots) {
      const { worker, successor } = slot;
      if (worker === null || successor === null) continue;
      if (successor.serviceable) {
        slot.promote();
        this.#dismiss(worker, "unhealthy", now);
      } else if (!this.#wantsSuccessor(slot)) {
        slot.vacate(successor);
        this.#dismiss(successor, "unhealthy", now);
      }
    }
  }

  /** Tells the data plane who may be given work, if that has changed. */
  #publish(): void {
    const wanted = this.#slots
      .map((slot) => slot.worker)
      .filter((worker) => worker !== null)
      .filter((worker) => worker.serviceable && worker.exit === null)
      .map((worker) => worker.upstream);
    const published = this.#dispatcher.upstreams;
    const same = wanted.length === published.length &&
      wanted.every((upstream) =>
        // One that refused a connection has stopped accepting by itself.
        upstream.accepting && published.includes(upstream)
      );
    if (!same) this.#dispatcher.publish(wanted);
  }

  /** Does what is due with workers that start, drain or end. */
  #expire(now: number): void {
    const killAt = this.#killAt(now);
    for (const worker of this.workers) {
      const { state } = worker;
      const late = now >= deadlineOf(state);
      if (state.name === "starting" && late) {
        worker.terminate("start-timeout", killAt);
      } else if (state.name === "draining") {
        const drained = worker.upstream.inFlight === 0;
        if (drained || late) {
          worker.terminate(drained ? "drained" : "drain-timeout", killAt);
        }
      } else if (state.name === "terminating" && late) {
        worker.kill();
      }
    }
  }

  /** Starts workers where one is missing and may be tried. */
  #spawn(goal: Goal, now: number): void {
    for (const slot of this.#slots) {
      if (slot.retryAt <= now && this.#lacksWorker(slot)) {
        this.#start(slot, goal, now);
      }
    }
  }

  #start(slot: Slot, { generation }: Goal, now: number): void {
    const { id, avoidPort } = slot;
    try {
      slot.fill(this.#starter.start({ id, generation, avoidPort }));
      slot.avoidPort = null;
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      this.#tellFailedStart(slot, error.code, {
        workerId: id,
        port: null,
        generation,
        command: this.#options.workerCommand.argv,
        reason: error.message,
        status: null,
        lastOutput: [],
        retryInMs: slot.noteEnd(null, now),
      });
    }
  }

  #noteFailedStart(
    slot: Slot,
    worker: Worker,
    reason: string,
    now: number,
  ): void {
    const lostPort = slot.portRaces < MAX_PORT_RACES &&
      this.#starter.lostPort(worker);
    if (lostPort) slot.noteLostPort(worker.port);
    this.#tellFailedStart(slot, "never-ready", {
      workerId: slot.id,
      port: worker.port,
      generation: worker.generation,
      command: worker.process.command,
      reason: lostPort ? `${reason} (its port had been taken)` : reason,
      status: worker.exit,
      lastOutput: worker.process.lastOutput,
      retryInMs: lostPort ? 0 : slot.noteEnd(null, now),
    });
  }

  #tellFailedStart(
    slot: Slot,
    code: PoolStartErrorCode,
    failure: StartFailure,
  ): void {
    // A command that cannot be run fails in every slot at once, and then the
    // start of the pool fails, which says it once. Otherwise the next attempt
    // is only a moment away.
    if (code === "never-ready" || slot.outcome !== null) {
      this.#events.emit({ type: "worker-start-failed", ...failure });
    }
    if (slot.portRaces > 0) return;
    slot.outcome ??= startError(code, failure, this.#options.workerCommand);
  }

  /** Takes a worker out of service for good; it leaves its slot to others. */
  #dismiss(worker: Worker, reason: DrainReason, now: number): void {
    const { drainTimeoutMs } = this.#options;
    this.#leaving.add(worker);
    this.#starter.unwatch(worker);
    switch (worker.state.name) {
      case "starting":
        worker.terminate("dismissed", this.#killAt(now));
        break;
      case "ready":
      case "unhealthy":
        worker.drain(reason, now + drainTimeoutMs);
    }
  }

  #killAt(now: number): number {
    return now + Math.min(KILL_TIMEOUT_MS, this.#options.drainTimeoutMs);
  }

  #othersServe(slot: Slot): boolean {
    return this.#slots.some((other) =>
      other !== slot && (other.worker?.serviceable ?? false)
    );
  }

  #wantsSuccessor({ worker }: Slot): boolean {
    return worker?.health?.healthy === false &&
      worker.health.failures >= this.#options.healthFall * FALLS_TO_REPLACE;
  }

  #lacksWorker(slot: Slot): boolean {
    if (slot.worker === null) return true;
    if (slot.successor !== null || !this.#wantsSuccessor(slot)) return false;
    const successors = this.#slots.filter((s) => s.successor !== null);
    return successors.length < MAX_SUCCESSORS;
  }

  /** The lowest number nobody has: numbers of workers on their way out are not given away yet. */
  #freeSlotId(): number {
    const taken = new Set(
      [...this.#slots, ...this.#leaving].map(({ id }) => id),
    );
    let id = 0;
    while (taken.has(id)) id++;
    return id;
  }

  #nextDeadline(): number {
    return Math.min(
      ...this.workers.map((worker) => deadlineOf(worker.state)),
      ...this.#slots.filter((slot) => this.#lacksWorker(slot))
        .map((slot) => slot.retryAt),
    );
  }
}
