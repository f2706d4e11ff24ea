/**
 * Skew protection: the generation before the present one, kept for the
 * clients that it has served.
 *
 * Its workers have left their slots to their successors. They are not replaced
 * when they are lost, and go when their time is up or nobody wants them any
 * more. A reload that is rolled back gives them their slots again.
 *
 * Knows nothing of clients but that they make requests.
 *
 * @module
 */

import type {
  DrainReason,
  EventEmitter,
  GenerationEndReason,
} from "../events/mod.ts";
import type { Goal, StaffingOptions } from "./goal.ts";
import type { Roster } from "./roster.ts";
import type { Slot } from "./slot.ts";
import { Stay, type Use } from "./stay.ts";
import type { Worker } from "./worker.ts";

/** What a former generation works with. */
export interface FormerGenerationDeps {
  readonly roster: Roster;
  readonly events: EventEmitter;
  /** Takes a worker out of service for good. */
  readonly dismiss: (worker: Worker, reason: DrainReason) => void;
}

/** Decides who is kept, and for how long. */
export class FormerGeneration {
  readonly #deps: FormerGenerationDeps;
  /** Number of the generation that is kept; `null` when none is. */
  #number: number | null = null;
  /** Since the last of its successors has taken over; `null` when none is kept. */
  #stay: Stay | null = null;

  /** Creates one of which there is nobody yet. */
  constructor(deps: FormerGenerationDeps) {
    this.#deps = deps;
  }

  /** Number of the oldest generation that is not to be given up; 0 when none is kept. */
  get oldest(): number {
    return this.#number ?? 0;
  }

  /** Keeps `worker`, whose successor has taken over; `false` when it is not to be kept. */
  keep(worker: Worker, goal: Goal, now: number): boolean {
    const { generation } = worker;
    const { skewProtection, skewGraceMs } = goal.options;
    // A roll-back leads to an older generation: the newer one has failed.
    const superseded = generation < goal.generation.number &&
      generation >= (this.#number ?? 0);
    if (!skewProtection || !superseded || !worker.serviceable) return false;
    if (generation !== this.#number) {
      this.#end("reload");
      this.#number = generation;
      this.#deps.events.emit({
        type: "generation-kept",
        generation,
        graceMs: skewGraceMs,
      });
    }
    this.#deps.roster.former.add(worker);
    this.#stay = new Stay(now, this.#use.requests);
    return true;
  }

  /** Sends those away whose time is up, and puts those back that are wanted again. */
  reconcile(goal: Goal, now: number): void {
    if (this.#stay === null) return;
    const { former, slots } = this.#deps.roster;
    this.#stay.look(this.#use, now);
    const over = this.#stay.isOver(goal.options.skewGraceMs, now);
    let reason: GenerationEndReason = over ?? "lost";
    for (const worker of former) {
      const slot = slots.find(({ id }) => id === worker.id);
      if (slot === undefined && !this.#outlivesSlot(goal)) {
        reason = goal.workers === 0 ? "stop" : "scale-down";
        this.#deps.dismiss(worker, reason);
      } else if (worker.generation === goal.generation.number) {
        reason = "rolled-back";
        this.#putBack(worker, slot);
      } else if (worker.generation > goal.generation.number) {
        // One that had failed, and whose place the older one did not get back.
        this.#deps.dismiss(worker, "reload");
      } else if (
        worker.health?.healthy === false && worker.retained !== "panic"
      ) {
        this.#deps.dismiss(worker, "unhealthy");
      } else if (over !== null || worker.generation !== this.#number) {
        this.#deps.dismiss(worker, "reload");
      }
    }
    if (former.size === 0) this.#end(reason);
  }

  /** When to look again at the latest. */
  nextCheckAt({ skewGraceMs }: StaffingOptions): number {
    return this.#stay?.endsAt(skewGraceMs) ?? Infinity;
  }

  /** What its workers do together: they are given the requests of its clients alone, so that those are there if there are any. */
  get #use(): Use {
    let requests = 0;
    let inFlight = 0;
    for (const { upstream } of this.#deps.roster.former) {
      const { figures } = upstream;
      requests += figures.requests;
      inFlight += figures.inFlight;
    }
    return { requests, inFlight };
  }

  /** Whether a worker is kept though its place is given up: for the clients that are tied to it. */
  #outlivesSlot({ options, workers }: Goal): boolean {
    return options.affinity !== null && workers > 0;
  }

  /** The generation is wanted again: a worker that still serves is better than a new one. */
  #putBack(worker: Worker, slot: Slot | undefined): void {
    const { roster, dismiss } = this.#deps;
    const holder = slot?.worker ?? null;
    const wanted = slot !== undefined && worker.serviceable &&
      holder?.generation !== worker.generation;
    if (!wanted) return dismiss(worker, "reload");
    roster.former.delete(worker);
    slot.reinstate(worker);
    if (holder !== null) dismiss(holder, "reload");
  }

  #end(reason: GenerationEndReason): void {
    if (this.#number === null) return;
    this.#deps.events.emit({
      type: "generation-ended",
      generation: this.#number,
      reason,
    });
    this.#number = null;
    this.#stay = null;
  }
}
