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
import { Departures } from "./departures.ts";
import type { Goal } from "./goal.ts";
import { HealthJudge } from "./health_judge.ts";
import { KeptWorkers } from "./kept_workers.ts";
import { Publication } from "./publication.ts";
import {
  type ReplacementCause,
  replacementCause,
  wornOutAt,
} from "./replacement.ts";
import { Roster } from "./roster.ts";
import { endOf } from "./slot.ts";
import { chooseLeaving, chooseMembers } from "./slot_choice.ts";
import { SlotFiller } from "./slot_filler.ts";
import { findVacancies, hasRoom, type Vacancy } from "./vacancies.ts";
import type { Worker } from "./worker.ts";
import type { WorkerStarter } from "./worker_starter.ts";

/** How often workers are looked at that may have responded to enough requests, in milliseconds. */
const REQUESTS_CHECK_MS = 250;

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
  readonly #departures: Departures;
  readonly #starter: WorkerStarter;
  readonly #filler: SlotFiller;
  readonly #kept: KeptWorkers;
  readonly #health: HealthJudge;
  /** Goal and time of the pass that is being made. */
  #goal!: Goal;
  #now = 0;

  /** Creates a reconciler with nothing in it. */
  constructor(deps: ReconcilerDeps) {
    const { plane, events, starter } = deps;
    const { roster } = this;
    this.#publication = new Publication(roster, plane);
    this.#departures = new Departures(roster, starter);
    this.#starter = starter;
    this.#filler = new SlotFiller(deps);
    this.#health = new HealthJudge(roster, events);
    const dismiss = (worker: Worker, reason: DrainReason): void =>
      this.#dismiss(worker, reason);
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
    this.#departures.killExhausting(goal, now);
    this.#resize();
    this.#installSuccessors();
    this.#kept.reconcile(goal, now);
    this.#appointMembers();
    this.#publication.update(goal);
    this.#departures.expire(goal, now);
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
    this.#departures.dismiss(worker, reason, this.#goal, this.#now);
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
      ...[
        ...this.#vacancies().map(({ slot }) => slot.retryAt),
        ...this.roster.workers.map((worker) => wornOutAt(worker, options)),
      ].filter((at) => at > this.#now),
      this.#departures.nextCheckAt(this.#now),
      this.#kept.nextCheckAt(options, this.#now),
      this.#health.nextCheckAt(this.#goal, this.#now),
      options.maxRequests > 0 ? this.#now + REQUESTS_CHECK_MS : Infinity,
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
