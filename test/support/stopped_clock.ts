/**
 * The clock by which the data plane enforces its deadlines, stopped: time
 * passes only when a test says so, however long the machine takes over it.
 *
 * @module
 */

import { DEADLINE_INTERVAL_MS } from "../../src/proxy/core/deadlines.ts";
import { delay } from "./deadline.ts";

/** Longer than until the next look at the deadlines: timers go off in the order in which they are due. */
const LOOK_MS = DEADLINE_INTERVAL_MS + 20;

/**
 * Stops `performance.now()` of this process until it is disposed of. Timers
 * go on.
 *
 * @example
 * ```ts ignore
 * using clock = new StoppedClock();
 * await using proxy = startProxy({ options: { idleTimeoutMs: 300 } });
 * await using client = await RawClient.connect(proxy);
 * await clock.pass(300);
 * await client.readUntilEnd();
 * ```
 */
export class StoppedClock implements Disposable {
  readonly #real = performance.now;
  #now = performance.now();

  /** Stops the clock. */
  constructor() {
    performance.now = () => this.#now;
  }

  /** Lets time pass, and waits until the deadlines have been looked at. */
  async pass(ms: number): Promise<void> {
    this.#now += ms;
    await delay(LOOK_MS);
  }

  /** Lets so much time pass that who takes nothing has stalled for `ms`: it is looked at in between whether they do. */
  async stall(ms: number): Promise<void> {
    for (let passed = 0; passed < 2 * ms; passed += ms / 2) {
      await this.pass(ms / 2);
    }
  }

  /** Lets the clock go on, as if it had never been stopped. */
  [Symbol.dispose](): void {
    performance.now = this.#real;
  }
}
