/**
 * Time that a test moves by hand, as the data plane's core sees it.
 *
 * @module
 */

import type {
  Cancellable,
  Clock,
  Timers,
} from "../../../src/proxy/core/link.ts";
import { FakeClock } from "../fake_clock.ts";

/** When every test begins: some moment, as no test looks at the date. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** A clock that stands still until it is told otherwise. */
export class ManualClock extends FakeClock implements Clock {
  exactNow(): number {
    return this.now();
  }

  wallTime(): number {
    return EPOCH_MS + this.now();
  }
}

/** A callback that is due. */
interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Timers by a clock; whoever moves the clock has them {@linkcode fire}. */
export class ManualTimers implements Timers {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();

  /** Creates timers that go by `clock`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Callbacks that have not been called, nor called off. */
  get pending(): number {
    return this.#timers.size;
  }

  after(delayMs: number, callback: () => void): Cancellable {
    const timer = { at: this.#clock.now() + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Calls what is due, the earliest first; returns whether anything was. */
  fire(): boolean {
    const now = this.#clock.now();
    const due = [...this.#timers].filter(({ at }) => at <= now)
      .sort((a, b) => a.at - b.at);
    for (const timer of due) {
      // One that was called may have called the next one off.
      if (this.#timers.delete(timer)) timer.callback();
    }
    return due.length > 0;
  }
}
