/**
 * Workers that have left their places and serve on for the clients that are
 * tied to them: to one worker (AFFINITY), or to its generation
 * (SKEW_PROTECTION).
 *
 * They are given the requests of those clients and no others, are not replaced
 * when they are lost, and go when their time is up, when nobody wants them any
 * more, or when too many have left the same place after them. A pool that grows
 * again and a reload that is rolled back take them back before they start
 * another.
 *
 * Knows nothing of clients but that they make requests.
 *
 * @module
 */

import type { DrainReason, EventEmitter } from "../events/mod.ts";
import { KEPT_PER_PLACE } from "../shared/kept_per_place.ts";
import type { Goal, StaffingOptions } from "./goal.ts";
import { KeptGenerations } from "./kept_generations.ts";
import { replacementCause } from "./replacement.ts";
import type { Roster } from "./roster.ts";
import { Stay } from "./stay.ts";
import type { Worker } from "./worker.ts";

/** What they are kept with. */
export interface KeptWorkersDeps {
  readonly roster: Roster;
  readonly events: EventEmitter;
  /** Takes a worker out of service for good. */
  readonly dismiss: (worker: Worker, reason: DrainReason) => void;
}

/** How one is kept. */
interface Keeping {
  readonly stay: Stay;
  /** Why it has left its place. */
  readonly reason: DrainReason;
}

/** Why one goes. */
type KeptEnd = DrainReason | "grace" | "unused";

/** Decides who is kept, and for how long. */
export class KeptWorkers {
  readonly #deps: KeptWorkersDeps;
  readonly #keepings = new Map<Worker, Keeping>();
  readonly #generations: KeptGenerations;

  /** Creates one of which there is nobody yet. */
  constructor(deps: KeptWorkersDeps) {
    this.#deps = deps;
    this.#generations = new KeptGenerations(deps.events);
  }

  /** Keeps `worker`, which leaves its place for `reason`; `false` when it is not to be kept. */
  keep(worker: Worker, reason: DrainReason, goal: Goal, now: number): boolean {
    const { kept } = this.#deps.roster;
    const { options } = goal;
    const wanted = worker.hasServed && worker.serviceable &&
      mayHaveClients(worker, reason, goal);
    if (!wanted) return false;
    const stay = new Stay(now, worker.upstream.figures.requests);
    // It would go at once: a worker of a reload that has failed.
    if (this.#endOf(worker, stay, goal, now) !== null) return false;
    this.#keepings.set(worker, { stay, reason });
    kept.add(worker);
    worker.kept(reason, options.skewGraceMs);
    const ofPlace = [...kept].filter(({ id }) => id === worker.id);
    for (const first of ofPlace.slice(0, -KEPT_PER_PLACE)) {
      this.#end(first, this.#keepings.get(first)!.reason);
    }
    return true;
  }

  /** Takes the one back whose place was given up last and that is as those are that would be started; `null` when there is none. */
  takeBack(goal: Goal, now: number): Worker | null {
    const { kept, slots } = this.#deps.roster;
    const worker = [...kept].findLast((one) =>
      slots.every(({ id }) => id !== one.id) && isAsNew(one, goal, now)
    );
    if (worker === undefined) return null;
    this.#release(worker);
    return worker;
  }

  /** Puts those back that are wanted again, sends those away whose time is up, and says which generations are kept. */
  reconcile(goal: Goal, now: number): void {
    this.#putBack(goal, now);
    const { kept } = this.#deps.roster;
    for (const [worker, { stay }] of this.#keepings) {
      // Some end by themselves.
      if (!kept.has(worker)) {
        this.#keepings.delete(worker);
        continue;
      }
      stay.look(worker.upstream.figures, now);
      const end = this.#endOf(worker, stay, goal, now);
      if (end !== null) this.#end(worker, end);
    }
    this.#generations.follow(kept, goal);
  }

  /** When to look again at the latest. */
  nextCheckAt({ skewGraceMs }: StaffingOptions, now: number): number {
    const ends = [...this.#keepings.values()]
      .map(({ stay }) => stay.endsAt(skewGraceMs))
      // A reload that goes on is looked at by itself.
      .filter((at) => at > now);
    return Math.min(...ends);
  }

  /** A generation is wanted again: a worker of it that serves is better than a new one. */
  #putBack(goal: Goal, now: number): void {
    const { roster, dismiss } = this.#deps;
    for (const slot of roster.slots) {
      const holder = slot.worker;
      if (holder?.generation === goal.generation.number) continue;
      const worker = [...roster.kept].findLast((one) =>
        one.id === slot.id && isAsNew(one, goal, now)
      );
      if (worker === undefined) continue;
      this.#release(worker);
      slot.reinstate(worker);
      if (slot.member) worker.promoted(null);
      if (holder !== null) dismiss(holder, "reload");
    }
  }

  #release(worker: Worker): void {
    this.#deps.roster.kept.delete(worker);
    this.#keepings.delete(worker);
  }

  /** Sends one away. */
  #end(worker: Worker, end: KeptEnd): void {
    const { reason } = this.#keepings.get(worker)!;
    const over = end === "grace" || end === "unused";
    this.#keepings.delete(worker);
    this.#generations.noteEnd(worker.generation, end);
    this.#deps.dismiss(worker, over ? reason : end);
  }

  #endOf(worker: Worker, stay: Stay, goal: Goal, now: number): KeptEnd | null {
    const { generation, provenGeneration, options } = goal;
    if (goal.workers === 0) return "stop";
    const placed = this.#deps.roster.slots.some(({ id }) => id === worker.id);
    if (options.affinity === null && !placed) return "scale-down";
    const cause = replacementCause(worker, worker.generation, {
      ...options,
      // It is on its way out already. Memory may be wanted at once.
      maxRequests: 0,
      maxWorkerAgeS: 0,
    }, now);
    if (cause !== null) return cause;
    const present = worker.generation === generation.number;
    // The reload that goes on may fail yet.
    if (!present && worker.generation === provenGeneration) return null;
    const tied = present
      ? options.affinity !== null
      : outlivesReload(worker, goal);
    return tied ? stay.isOver(options.skewGraceMs, now) : "reload";
  }
}

/** Whether anybody is tied to a worker that leaves its place for `reason`, and may be served by it. */
function mayHaveClients(
  worker: Worker,
  reason: DrainReason,
  goal: Goal,
): boolean {
  switch (reason) {
    case "reload":
      return outlivesReload(worker, goal);
    case "scale-down":
    case "max-requests":
    case "max-age":
      return goal.options.affinity !== null;
    // It fails, uses too much memory, or the pool stops.
    case "unhealthy":
    case "failing":
    case "max-memory":
    case "stop":
      return false;
  }
}

/** Whether a worker is kept after a reload: one of a newer generation than the wanted one has failed. */
function outlivesReload(
  { generation }: Worker,
  { generation: wanted, options }: Goal,
): boolean {
  return options.skewProtection && generation < wanted.number;
}

/** Whether a worker is as one would be that is started now. */
function isAsNew(worker: Worker, goal: Goal, now: number): boolean {
  const { generation, options } = goal;
  return worker.serviceable &&
    replacementCause(worker, generation.number, options, now) === null;
}
