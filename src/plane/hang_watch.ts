/**
 * Tells a thread that hangs from one that is kept from running: by its signs
 * of life, and by what it has done when there are none.
 *
 * Pure: it is handed what was seen.
 *
 * @module
 */

import type { ThreadUse } from "../transport/epoll/thread_use.ts";

/** How often is looked, in milliseconds. */
export const LOOK_INTERVAL_MS = 250;

/**
 * A thread hangs that has shown no sign of life for so long, in milliseconds:
 * while it slept, or while it had the CPU. The time in which it could have run
 * and got no CPU does not count.
 */
export const HUNG_MS = 1_500;

/**
 * Later than this, in milliseconds, a look shows that the process, or the
 * machine, had a pause: then the thread had one, too.
 */
const PAUSE_MS = 2 * LOOK_INTERVAL_MS;

/** What a look has seen. */
export interface Sight {
  /** Signs of life so far. */
  readonly heartbeat: number;
  /** When, in milliseconds. */
  readonly at: number;
  /** What the thread does; `null` where it cannot be seen: then all time counts. */
  readonly use: ThreadUse | null;
}

/** What becomes of it. */
export type Verdict =
  | "alive"
  /** For as long as it takes to hang it could not run, or less than half of the time. */
  | "starved"
  | "hung";

/** Watches one thread. */
export class HangWatch {
  #last: Sight;
  /** Without a sign of life: how long that is, and the part of it that counts. */
  #silentMs = 0;
  #idleMs = 0;

  /** Begins with what is seen first. */
  constructor(first: Sight) {
    this.#last = first;
  }

  /** Judges by what is seen now. */
  look(sight: Sight): Verdict {
    const last = this.#last;
    const passedMs = sight.at - last.at;
    this.#last = sight;
    if (sight.heartbeat !== last.heartbeat || passedMs > PAUSE_MS) {
      this.#silentMs = this.#idleMs = 0;
      return "alive";
    }
    this.#silentMs += passedMs;
    this.#idleMs += Math.min(passedMs, couldHaveRunMs(last, sight));
    if (this.#idleMs >= HUNG_MS) return "hung";
    const starved = this.#silentMs >= HUNG_MS &&
      this.#idleMs < this.#silentMs / 2;
    return starved ? "starved" : "alive";
  }
}

/** How long the thread slept or ran between two looks, as far as can be seen. */
function couldHaveRunMs(last: Sight, { use }: Sight): number {
  if (use === null || last.use === null || use.asleep) return Infinity;
  return use.cpuMs - last.use.cpuMs;
}
