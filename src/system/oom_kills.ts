/**
 * How many processes the kernel has killed for want of memory, where the
 * workers are. Linux; needs `-A`.
 *
 * @module
 */

import { readGranted } from "./granted_files.ts";
import { memoryGroups, type ReadFile, readOr } from "./control_groups.ts";

/** How long a kill may go before the end of a worker that it explains, in milliseconds: that of a process behind a wrapper is noticed by the wrapper first. */
const EXPLAINS_MS = 5_000;

/** How often is looked while nothing ends, in milliseconds: what a kill that ended no worker may be mistaken by. */
const LOOK_MS = 1_000;

/** Returns how many there have been, or `null` where that cannot be seen. */
export function countOomKills(
  read: ReadFile = readGranted,
): number | null {
  for (const { version, path } of memoryGroups(read)) {
    const file = version === 2 ? "memory.events" : "memory.oom_control";
    const count = parse(readOr(read, `${path}/${file}`, ""));
    // An outer group of version 2 counts for the inner ones, too.
    if (count !== null) return count;
  }
  // Of the whole machine, where there are no groups.
  return parse(readOr(read, "/proc/vmstat", ""));
}

function parse(text: string): number | null {
  const count = /^oom_kill (\d+)$/m.exec(text);
  return count === null ? null : Number(count[1]);
}

/** Tells whose end such a kill explains. */
export class OomKills {
  readonly #count: () => number | null;
  #seen: number | null;
  /** Kills that have explained nobody's end yet. */
  #unexplained = 0;
  #seenAt = -Infinity;
  #lookedAt = -Infinity;

  /** Begins to count now. */
  constructor(count: () => number | null = countOomKills) {
    this.#count = count;
    this.#seen = count();
  }

  /** Notes now and then what happens while no worker ends; may be called often. */
  watch(now: number): void {
    if (now - this.#lookedAt >= LOOK_MS) this.#look(now);
  }

  /**
   * Whether the kernel has killed, for want of memory, what ended just now;
   * each kill explains one end. `null` where that cannot be seen.
   */
  explains(now: number): boolean | null {
    if (!this.#look(now)) return null;
    if (this.#unexplained === 0) return false;
    this.#unexplained--;
    return true;
  }

  /** `false` where that cannot be seen. */
  #look(now: number): boolean {
    // What could not be seen at first cannot be later.
    const count = this.#seen === null ? null : this.#count();
    if (this.#seen === null || count === null) return false;
    const fresh = count - this.#seen;
    this.#seen = count;
    this.#lookedAt = now;
    if (now - this.#seenAt > EXPLAINS_MS) this.#unexplained = 0;
    if (fresh > 0) {
      this.#unexplained += fresh;
      this.#seenAt = now;
    }
    return true;
  }
}
