/**
 * Says when a worker's output may be read, so that all of it together takes a
 * bounded share of the event loop: requests, probes and signals come between
 * any two slices.
 *
 * First come, first served: a worker that floods is behind one that seldom
 * writes as soon as it has had a slice. Who has to wait reads later, its pipe
 * fills up, and it waits in its own write: the flooding worker is slowed, and
 * neither the balancer nor the others are.
 *
 * @module
 */

/** Share of the event loop's time that reading output may take for long. */
const SHARE = 0.2;

/**
 * Time in milliseconds that may be taken beyond that before it is held to:
 * tens of thousands of lines come through at full speed.
 */
const BURST_MS = 250;

/**
 * Time in milliseconds that may be owed beyond that: what is read out of turn
 * as a worker that floods ends makes others wait for a second at most.
 */
const MAX_EXCESS_MS = 200;

/** Time in milliseconds for which slices may follow each other without letting others in. */
const TURN_MS = 1;

/**
 * What reading costs beside what is measured, in milliseconds a byte: about
 * 60 us for 64 KiB, in the runtime and the kernel.
 */
const READ_MS_PER_BYTE = 1e-6;

/** What the scheduler rests on; for tests. */
export interface OutputSchedulerDeps {
  /** Monotonic, in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
  /** Calls back later, in a turn of the event loop of its own. @default {setTimeout} */
  readonly later?: (callback: () => void, delayMs: number) => void;
}

/** A slice that waits for its turn. */
interface Waiting {
  readonly slice: () => number;
  readonly done: () => void;
}

/** Schedules all who read. */
export class OutputScheduler {
  readonly #clock: () => number;
  readonly #later: (callback: () => void, delayMs: number) => void;
  readonly #waiting: Waiting[] = [];
  /** Time taken that is not paid back yet: {@linkcode SHARE} of the time that passes pays. */
  #debtMs = 0;
  #paidAt = 0;
  #scheduled = false;

  /** Creates a scheduler that nobody waits for. */
  constructor(deps: OutputSchedulerDeps = {}) {
    this.#clock = deps.clock ?? ((): number => performance.now());
    this.#later = deps.later ??
      ((callback, delayMs): void => void setTimeout(callback, delayMs));
    this.#paidAt = this.#clock();
  }

  /**
   * Runs `slice` when it is its turn, and resolves when it has. It returns how
   * many bytes it was about, and must not throw.
   */
  async run(slice: () => number): Promise<void> {
    if (this.#waiting.length === 0 && this.#pay() < TURN_MS) {
      return this.#take(slice);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ slice, done: resolve });
    this.#schedule();
    await promise;
  }

  /** Runs `slice` out of turn: nobody can read that output later. Whoever waits for it waits no longer. */
  runNow(slice: () => number): void {
    const at = this.#waiting.findIndex((waiting) => waiting.slice === slice);
    const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1);
    this.#take(slice);
    waiting?.done();
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    const excessMs = this.#pay() - BURST_MS;
    this.#later(() => this.#next(), Math.max(0, excessMs / SHARE));
  }

  #next(): void {
    this.#scheduled = false;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#take(next.slice);
    next.done();
    this.#schedule();
  }

  #take(slice: () => number): void {
    const startedAt = this.#clock();
    const bytes = slice();
    const costMs = this.#clock() - startedAt + bytes * READ_MS_PER_BYTE;
    this.#debtMs = Math.min(this.#debtMs + costMs, BURST_MS + MAX_EXCESS_MS);
  }

  /** Pays for the time that has passed, and returns what is owed. */
  #pay(): number {
    const now = this.#clock();
    this.#debtMs = Math.max(0, this.#debtMs - (now - this.#paidAt) * SHARE);
    this.#paidAt = now;
    return this.#debtMs;
  }
}
