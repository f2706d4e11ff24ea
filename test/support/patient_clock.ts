/**
 * A clock for tests of deadlines that have to pass by themselves.
 *
 * @module
 */

/** How far the clock goes on at once, and after which time. */
const TICK_MS = 10;

/**
 * A clock for `performance.now()` of this process that goes on, but that takes
 * any pause of the process for a short one. What comes in meanwhile comes in
 * time.
 */
export class PatientClock implements Disposable {
  readonly #real = performance.now;
  #now = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  /** Replaces the clock. */
  constructor() {
    performance.now = () => this.#now;
    this.#timer = setInterval(() => this.#now += TICK_MS, TICK_MS);
  }

  /** Puts the real one back. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    performance.now = this.#real;
  }
}
