/**
 * Deadlines without timers: whatever can be late is looked at a few times a
 * second.
 *
 * A timer for each request would cost more than the parsing of it; a pass
 * over ten thousand connections costs some tens of microseconds.
 *
 * @module
 */

/** How often is looked, and so how late a deadline may be enforced. */
export const SWEEP_INTERVAL_MS = 100;

/** Something with a deadline. */
export interface Sweepable {
  /** On the clock of {@linkcode Sweep.now}; `Infinity` for none. */
  readonly deadline: number;
  /** Called when the deadline has passed, and again at each sweep until it is moved. */
  expire(now: number): void;
}

/** Looks at its members a few times a second. */
export class Sweep {
  /** Monotonic time in milliseconds, as of the last look. Coarse, and free. */
  now: number = performance.now();

  readonly #members = new Set<Sweepable>();
  readonly #tasks: ((now: number) => void)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Begins to look. */
  start(): void {
    this.#timer ??= setInterval(() => this.#run(), SWEEP_INTERVAL_MS);
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Watches over `member` until it is deleted. */
  add(member: Sweepable): void {
    this.#members.add(member);
  }

  /** Watches over `member` no more. */
  delete(member: Sweepable): void {
    this.#members.delete(member);
  }

  /** Also calls `task` at each look. */
  each(task: (now: number) => void): void {
    this.#tasks.push(task);
  }

  #run(): void {
    const now = this.now = performance.now();
    for (const task of this.#tasks) task(now);
    for (const member of this.#members) {
      if (member.deadline <= now) member.expire(now);
    }
  }
}
