/**
 * Deadlines without timers: whatever can be late is looked at a few times a
 * second.
 *
 * A timer for each request would cost more than the parsing of it; a pass
 * over ten thousand connections costs some tens of microseconds.
 *
 * Has no timer of its own: the driver calls {@linkcode Deadlines.enforce}.
 *
 * @module
 */

/** How often the driver looks. A deadline is enforced twice that late at most, and never early. */
export const DEADLINE_INTERVAL_MS = 100;

/** Something with a deadline. */
export interface Deadlined {
  /** On the clock of {@linkcode Deadlines.now}; `Infinity` for none. */
  readonly deadline: number;
  /** Called when the deadline has passed, and again at each look until it is moved. */
  expire(now: number): void;
}

/** Knows whatever may be late. */
export class Deadlines {
  /** Monotonic time in milliseconds, as of the last look. Coarse, and free. */
  now: number;

  readonly #members = new Set<Deadlined>();
  readonly #tasks: ((now: number) => void)[] = [];

  /** Begins at `now`, with nothing to watch over. */
  constructor(now: number) {
    this.now = now;
  }

  /** Watches over `member` until it is deleted. */
  add(member: Deadlined): void {
    this.#members.add(member);
  }

  /** Watches over `member` no more. */
  delete(member: Deadlined): void {
    this.#members.delete(member);
  }

  /** Also calls `task` at each look. */
  each(task: (now: number) => void): void {
    this.#tasks.push(task);
  }

  /**
   * Looks at everything: what is late by `now` is told so.
   *
   * What was set since the look before counts from that look, and is up to an
   * interval younger than it seems: it has as long again.
   */
  enforce(now: number): void {
    const before = this.now;
    this.now = now;
    for (const task of this.#tasks) task(now);
    for (const member of this.#members) {
      if (member.deadline <= before) member.expire(now);
    }
  }
}
