/**
 * Which generations are kept for their clients (SKEW_PROTECTION), as it is
 * told: from when to when, and why no longer.
 *
 * @module
 */

import type {
  DrainReason,
  EventEmitter,
  GenerationEndReason,
} from "../events/mod.ts";
import type { Goal } from "./goal.ts";
import type { Worker } from "./worker.ts";

/** Tells of generations. */
export class KeptGenerations {
  readonly #events: EventEmitter;
  /** Those that are kept, and why the last of their workers went that did not go by itself. */
  readonly #kept = new Map<number, GenerationEndReason>();

  /** Begins with none. */
  constructor(events: EventEmitter) {
    this.#events = events;
  }

  /** Notes why a worker of a generation goes. */
  noteEnd(generation: number, end: DrainReason | GenerationEndReason): void {
    if (this.#kept.has(generation)) this.#kept.set(generation, reasonOf(end));
  }

  /** Looks at who is kept, and tells what has changed. */
  follow(workers: ReadonlySet<Worker>, { generation, options }: Goal): void {
    const present = new Set<number>();
    for (const worker of options.skewProtection ? workers : []) {
      if (worker.generation < generation.number) present.add(worker.generation);
    }
    for (const [number, end] of this.#kept) {
      if (present.has(number)) continue;
      this.#kept.delete(number);
      const reason = number === generation.number ? "rolled-back" : end;
      const type = "generation-ended";
      this.#events.emit({ type, generation: number, reason });
    }
    const { skewGraceMs: graceMs } = options;
    for (const number of present) {
      if (this.#kept.has(number)) continue;
      this.#kept.set(number, "lost");
      const type = "generation-kept";
      this.#events.emit({ type, generation: number, graceMs });
    }
  }
}

function reasonOf(
  end: DrainReason | GenerationEndReason,
): GenerationEndReason {
  switch (end) {
    case "unhealthy":
    case "failing":
    case "max-requests":
    case "max-age":
    case "max-memory":
      return "lost";
    default:
      return end;
  }
}
