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

import type {
  DrainReason,
  EventEmitter,
  ReplacementReason,
} from "../events/mod.ts";
import type { DataPlane } from "../plane/contract.ts";
import type { Goal } from "./goal.ts";
import { HealthJudge } from "./health_judge.ts";
import { KeptWorkers } from "./kept_workers.ts";
import {
  exhaustsMemory,
  type ReplacementCause,
  replacementCause,
  wornOutAt,
} from "./replacement.ts";
import { Publication } from "./publication.ts";
import { Roster } from "./roster.ts";
import { endOf } from "./slot.ts";
import { chooseLeaving, chooseMembers } from "./slot_choice.ts";
import { SlotFiller } from "./slot_filler.ts";
import { findVacancies, hasRoom, type Vacancy } from "./vacancies.ts";
import type { Worker } from "./worker.ts";
import type { WorkerStarter } from "./worker_starter.ts";
import { deadlineOf, type TerminationCause } from "./worker_state.ts";

/** How much longer a worker may take to become ready that computes, in milliseconds, before it is looked at again. */
const STARTUP_EXTENSION_MS = 5_000;

/** How often workers are looked at that may have responded to enough requests, in milliseconds. */
const REQUESTS_CHECK_MS = 250;

/** How often workers are looked at that may have nothing in flight but streams, in milliseconds. */
const DRAIN_CHECK_MS = 100;

/** What a reconciler works with. */
export interface ReconcilerDeps {
  readonly plane: DataPlane;
  readonly events: EventEmitter;
  readonly starter: WorkerStarter;
}

/** Holds the slots and the workers, and closes the gap to the goal. */
export class Reconciler {
  /** Who is in the pool. */
  readonly roster = new Roster();

  readonly #publication: Publication;
  readonly #starter: WorkerStarter;
  readonly #filler: SlotFiller;
  readonly #kept: KeptWorkers;
  readonly #health: HealthJudge;
  /** Goal and time of the pass that is being made. */
  #goal!: Goal;
  #now = 0;

  /** Creates a reconciler with nothing in it. */
  constructor(deps: ReconcilerDeps) {
    this.#publication = new Publication(deps.plane);
    this.#starter = deps.starter;
    this.#filler = new SlotFiller(deps);
    this.#health = new HealthJudge(this.roster, deps.events);
    const dismiss = (worker: Worker, reason: DrainReason): void =>
      this.#dismiss(worker, reason);
    const { roster } = this;
    const { events } = deps;
    this.#kept = new KeptWorkers({ roster, events, dismiss });
  }

  /** Workers started in the place of another so far, by reason. */
  get restarts(): Readonly<Partial<Record<ReplacementReason, number>>> {
    return this.#filler.restarts;
  }

  /** Whether most workers fail their probes together, and are kept in rotation. */
  get panic(): boolean {
    return this.#health.panic.active;
  }

  /** Makes one pass, and returns when the next is due at the latest. */
  reconcile(goal: Goal, now: number): number {
    this.#goal = goal;
    this.#now = now;
    this.#reap();
    this.#health.judge(goal, now);
    this.#killExhausting();
    this.#resize();
    this.#installSuccessors();
    this.#kept.reconcile(goal, now);
    this.#appointMembers();
    this.#publish();
    this.#expire();
    this.#fillSlots();
    return this.#nextDeadline();
  }

  /** Takes out the workers whose processes are gone. */
  #reap(): void {
    const now = this.#now;
    for (const worker of this.roster.workers) {
      if (worker.goneAt === null) continue;
      const slot = this.roster.slotOf(worker);
      if (worker.startupMs !== null) {
        const outOfMemory = worker.killer === "out-of-memory";
        const reason = outOfMemory ? "out-of-memory" : "exit";
        slot?.noteLoss(reason, worker.goneAt);
      }
      // Its last output is still being read.
      if (worker.exit === null) continue;
      const startFailure = worker.markExited(worker.exit, now);
      this.#starter.release(worker);
      this.roster.forget(worker);
      if (slot === undefined) continue;
      slot.vacate(worker);
      if (worker.restart && worker.startupMs === null) {
        // What it showed holds for all that are yet to be started.
        for (const other of this.roster.slots) other.resetBackoff();
        slot.noteRestart();
      } else if (startFailure === null) {
        slot.noteEnd(endOf(worker, worker.describeEnd(worker.exit), now));
      } else {
        this.#filler.noteFailedStart(slot, endOf(worker, startFailure, now));
      }
    }
  }

  /** Kills those that use so much memory that the machine is in danger. */
  #killExhausting(): void {
    for (const worker of this.roster.workers) {
      if (worker.goneAt !== null || worker.state.type === "terminating") {
        continue;
      }
      if (!exhaustsMemory(worker, this.#goal.options)) continue;
      const slot = this.roster.slotOf(worker);
      const reason = "used far more than MAX_WORKER_MEMORY_MB";
      worker.kill("memory-limit", reason);
      this.#starter.unwatch(worker);
      this.roster.leave(worker);
      slot?.vacate(worker);
      slot?.noteLoss("max-memory", this.#now);
      slot?.noteEnd(endOf(worker, reason, this.#now));
    }
  }

  /** Makes as many slots as there shall be workers. */
  #resize(): void {
    const { workers, spares, surplusReason } = this.#goal;
    const { roster } = this;
    while (roster.slots.length < workers + spares) {
      const worker = this.#kept.takeBack(this.#goal, this.#now);
      if (worker === null) roster.addSlot();
      else roster.addSlotOf(worker);
    }
    const surplus = roster.slots.length - workers - spares;
    const going = new Set(chooseLeaving(roster.slots, surplus));
    roster.removeSlots(going);
    for (const slot of going) {
      for (const worker of slot.workers) {
        this.#leavePlace(worker, surplusReason);
      }
    }
  }

  /** Lets successors that are ready take over, and sends those away that are not needed any more. */
  #installSuccessors(): void {
    const { generation, mayTakeOver } = this.#goal;
    for (const slot of this.roster.slots) {
      const { worker, successor } = slot;
      if (worker === null || successor === null) continue;
      const cause = this.#causeOf(worker) ?? betterThan(worker, successor);
      if (cause === null || successor.generation !== generation.number) {
        slot.vacate(successor);
        this.#dismiss(successor, slot.cause ?? "reload");
      } else if (
        successor.state.type === "ready" && successor.serviceable &&
        mayTakeOver(successor)
      ) {
        slot.promote();
        this.#leavePlace(worker, cause);
      }
    }
  }

  /** Decides who serves and who is held back: a spare stands in at once. */
  #appointMembers(): void {
    const members = chooseMembers(this.roster.slots, this.#goal.workers);
    const losses = this.roster.slots
      .filter((slot) => slot.member && !members.has(slot))
      .map((slot) => slot.lossAt(this.#now));
    for (const slot of this.roster.slots) {
      const promoted = members.has(slot) && !slot.member;
      slot.member = members.has(slot);
      if (promoted) slot.serviceable[0]?.promoted(losses.shift() ?? null);
    }
  }

  /** Tells the data plane who may be given work, if that has changed. */
  #publish(): void {
    const wanted = this.roster.slots
      .filter((slot) => slot.member)
      // A successor on trial first: where clients are tied to a slot, it is
      // their first choice, and else the order makes no difference.
      .flatMap((slot) => slot.serviceable.toReversed());
    for (const worker of wanted) worker.hasServed = true;
    this.#publication.update(
      wanted.map(({ upstream }) => upstream),
      this.#servingOwn().map(({ upstream }) => upstream),
      this.#goal.workers,
    );
  }

  /** Those who are given the requests of clients that are tied to them alone. */
  #servingOwn(): readonly Worker[] {
    const kept = [...this.roster.kept].filter((worker) => worker.serviceable);
    if (this.#goal.options.affinity === null) return kept;
    // A spare may have served everybody before: another one stood in for it.
    const spares = this.roster.slots
      .filter((slot) => !slot.member)
      .flatMap((slot) => slot.serviceable)
      .filter(({ hasServed }) => hasServed);
    return [...kept, ...spares];
  }

  /** Does what is due with workers that start, drain or end. */
  #expire(): void {
    for (const worker of this.roster.workers) {
      const { state } = worker;
      const late = this.#now >= deadlineOf(state);
      if (state.type === "starting") {
        this.#expireStart(worker, late);
      } else if (state.type === "draining") {
        const { drained } = worker;
        if (drained || late) {
          this.#terminate(worker, drained ? "drained" : "drain-timeout");
        }
      } else if (state.type === "terminating" && late) {
        const { stopSignal, stopTimeoutMs } = this.#goal.options;
        const reason = worker.goneAt === null
          ? `did not end within ${
            Math.min(stopTimeoutMs, worker.patienceMs)
          } ms of ${stopSignal}`
          : `left processes that did not end within ${stopTimeoutMs} ms`;
        worker.kill(state.cause, reason);
      }
    }
  }

  #expireStart(worker: Worker, late: boolean): void {
    if (worker.restart) this.#terminate(worker, "restarted");
    else if (worker.displaced) this.#terminate(worker, "port-lost");
    else if (late) {
      const { startupTimeoutMs, startupLimitMs = startupTimeoutMs } =
        this.#goal.options;
      const lastAt = worker.startedAt + startupLimitMs;
      // One that computes is starting, and not hanging.
      if (worker.health?.diagnosis === "starting" && this.#now < lastAt) {
        worker.extend(Math.min(this.#now + STARTUP_EXTENSION_MS, lastAt));
      } else this.#terminate(worker, "start-timeout");
    }
  }

  /** Starts workers where one is missing, or a successor, and may be tried. */
  #fillSlots(): void {
    const now = this.#now;
    const { generation, options } = this.#goal;
    const { startupTimeoutMs, stopTimeoutMs } = options;
    for (const { slot, cause } of this.#vacancies()) {
      if (slot.retryAt > now || !hasRoom(this.roster.slots, cause, options)) {
        continue;
      }
      this.#filler.fill(slot, {
        generation,
        startupTimeoutMs,
        stopTimeoutMs,
        cause,
        now,
      });
    }
  }

  #vacancies(): readonly Vacancy[] {
    return findVacancies(this.roster.slots, (worker) => this.#causeOf(worker));
  }

  /** Has a worker that leaves its place serve on for its clients, or else end. */
  #leavePlace(worker: Worker, reason: DrainReason): void {
    const kept = this.#kept.keep(worker, reason, this.#goal, this.#now);
    if (!kept) this.#dismiss(worker, reason);
  }

  /** Takes a worker out of service for good; it leaves its slot to others. */
  #dismiss(worker: Worker, reason: DrainReason): void {
    const { drainTimeoutMs } = this.#goal.options;
    this.roster.leave(worker);
    this.#starter.unwatch(worker);
    switch (worker.state.type) {
      case "starting":
        this.#terminate(worker, "dismissed");
        break;
      case "ready":
      case "unhealthy":
        worker.drain(
          reason,
          this.#now + Math.min(drainTimeoutMs, worker.patienceMs),
        );
    }
  }

  /** Asks a worker to end, in its own time, or else in STOP_TIMEOUT_MS. */
  #terminate(worker: Worker, cause: TerminationCause): void {
    const { stopTimeoutMs, stopSignal } = this.#goal.options;
    worker.terminate(cause, {
      signal: stopSignal,
      // One that has been stopped cannot make use of it.
      killAt: this.#now + Math.min(stopTimeoutMs, worker.patienceMs),
    });
  }

  #causeOf(worker: Worker): ReplacementCause | null {
    const { generation, options } = this.#goal;
    // One may be tried even in a panic.
    if (worker.retained === "panic" && this.#health.panic.tries(worker)) {
      return "unhealthy";
    }
    return replacementCause(worker, generation.number, options, this.#now);
  }

  #nextDeadline(): number {
    const { options } = this.#goal;
    return Math.min(
      ...this.roster.workers.map((worker) => deadlineOf(worker.state)),
      ...[
        ...this.#vacancies().map(({ slot }) => slot.retryAt),
        ...this.roster.workers.map((worker) => wornOutAt(worker, options)),
      ].filter((at) => at > this.#now),
      this.#kept.nextCheckAt(options, this.#now),
      this.#health.nextCheckAt(this.#goal, this.#now),
      options.maxRequests > 0 ? this.#now + REQUESTS_CHECK_MS : Infinity,
      // Streams begin and end without a word.
      this.roster.workers.some((worker) => worker.state.type === "draining")
        ? this.#now + DRAIN_CHECK_MS
        : Infinity,
    );
  }
}

/** Why a successor is wanted, whatever its worker may be kept for: it is well, where that one fails. */
function betterThan(
  worker: Worker,
  successor: Worker,
): ReplacementCause | null {
  return worker.retained !== null && successor.health?.healthy === true
    ? "unhealthy"
    : null;
}
