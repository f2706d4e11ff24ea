/**
 * AFFINITY: workers that the pool has shrunk by, kept for the clients that are
 * tied to them.
 *
 * They have left their slots, are given the requests of those clients and no
 * others, and go when their time is up or nobody wants them any more. A pool
 * that grows again takes them back before it starts another.
 *
 * Knows nothing of clients but that they make requests.
 *
 * @module
 */

import type { DrainReason } from "../events/mod.ts";
import type { Goal, StaffingOptions } from "./goal.ts";
import { replacementCause } from "./replacement.ts";
import type { Roster } from "./roster.ts";
import { Stay } from "./stay.ts";
import type { Worker } from "./worker.ts";

/** What they are kept with. */
export interface TiedWorkersDeps {
  readonly roster: Roster;
  /** Takes a worker out of service for good. */
  readonly dismiss: (worker: Worker, reason: DrainReason) => void;
}

/** Decides who is kept, and for how long. */
export class TiedWorkers {
  readonly #deps: TiedWorkersDeps;
  readonly #stays = new Map<Worker, Stay>();

  /** Creates one of which there is nobody yet. */
  constructor(deps: TiedWorkersDeps) {
    this.#deps = deps;
  }

  /** Keeps `worker`, whose place is given up; `false` when it is not to be kept. */
  keep(worker: Worker, { options, surplusReason }: Goal, now: number): boolean {
    const kept = options.affinity !== null && surplusReason === "scale-down" &&
      worker.serviceable;
    if (!kept) return false;
    const { requests } = worker.upstream.figures;
    this.#stays.set(worker, new Stay(now, requests));
    this.#deps.roster.tied.add(worker);
    worker.kept(options.skewGraceMs);
    return true;
  }

  /** Takes the one back that has been given up last and is as those are that would be started; `null` when there is none. */
  takeBack({ generation, options }: Goal, now: number): Worker | null {
    const { tied, slots } = this.#deps.roster;
    const worker = [...tied].findLast((one) =>
      one.serviceable && slots.every(({ id }) => id !== one.id) &&
      replacementCause(one, generation.number, options, now) === null
    );
    if (worker === undefined) return null;
    tied.delete(worker);
    this.#stays.delete(worker);
    return worker;
  }

  /** Sends those away whose time is up, or whose generation is older than `oldest`. */
  reconcile(goal: Goal, now: number, oldest: number): void {
    const { roster: { tied }, dismiss } = this.#deps;
    for (const [worker, stay] of this.#stays) {
      stay.look(worker.upstream.figures, now);
      const reason = goal.workers === 0
        ? "stop"
        : stay.isOver(goal.options.skewGraceMs, now) !== null
        ? "scale-down"
        : causeOf(worker, goal, { now, oldest });
      // Some end by themselves.
      if (tied.has(worker) && reason !== null) dismiss(worker, reason);
      if (!tied.has(worker)) this.#stays.delete(worker);
    }
  }

  /** When to look again at the latest. */
  nextCheckAt({ skewGraceMs }: StaffingOptions): number {
    const ends = this.#stays.values().map((stay) => stay.endsAt(skewGraceMs));
    return Math.min(...ends);
  }
}

/** Why it would go if it had its place yet. */
function causeOf(
  worker: Worker,
  { generation, provenGeneration, options }: Goal,
  { now, oldest }: { readonly now: number; readonly oldest: number },
): DrainReason | null {
  const cause = replacementCause(worker, generation.number, options, now);
  if (cause !== "reload") return cause;
  // A reload that goes on may fail yet, and what is kept after one is kept here too.
  const kept = options.skewProtection
    ? worker.generation >= oldest
    : worker.generation === provenGeneration;
  return kept ? null : "reload";
}
