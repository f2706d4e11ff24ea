/**
 * A place in the pool. Workers come and go; the slot, its number and its
 * history stay.
 *
 * Knows no process: it remembers who holds the place, who shall hold it next,
 * and when another attempt may be made.
 *
 * @module
 */

import type { PoolStartError } from "./pool_start_error.ts";
import { planRestart } from "./restart_limit.ts";
import type { Worker } from "./worker.ts";

/** One place in the pool. */
export class Slot {
  /** Number of the slot, from 0. */
  readonly id: number;
  /** The worker that holds the place, or `null` while it waits for one. */
  worker: Worker | null = null;
  /** The worker that is to take the place over once it is ready. */
  successor: Worker | null = null;
  /** Before this time no worker is started for the slot. */
  retryAt = 0;
  /** A port that the last attempt could not be started on. */
  avoidPort: number | null = null;
  /** Ports in a row that were lost to other programs between the check and the start. */
  portRaces = 0;
  /** What came of its first worker, by which the start of the pool is judged; `null` while that is open. */
  outcome: "ready" | PoolStartError | null = null;

  #started = 0;
  #failures = 0;

  /** Creates an empty slot that may be filled at once. */
  constructor(id: number) {
    this.id = id;
  }

  /** How many workers have been replaced. */
  get restarts(): number {
    return Math.max(0, this.#started - 1);
  }

  /** Failures in a row that are not yet paid back by service. */
  get failures(): number {
    return this.#failures;
  }

  /** Workers of the slot that are not being taken out of service. */
  get workers(): readonly Worker[] {
    return [this.worker, this.successor].filter((worker) => worker !== null);
  }

  /** Puts a worker that has just been started in its place. */
  fill(worker: Worker): void {
    if (this.worker === null) this.worker = worker;
    else this.successor = worker;
    // An attempt that only lost the race for a port is not counted again.
    if (this.portRaces === 0) this.#started++;
  }

  /** Makes the successor the holder and returns the former one. */
  promote(): Worker | null {
    const former = this.worker;
    this.worker = this.successor;
    this.successor = null;
    return former;
  }

  /** Notes that a worker became ready. */
  noteReady(): void {
    this.outcome ??= "ready";
  }

  /** Notes that an attempt failed only because another program took `port` first: try another at once. */
  noteLostPort(port: number): void {
    this.portRaces++;
    this.avoidPort = port;
  }

  /** Takes out a worker that is gone; a successor, if there is one, moves up. */
  vacate(worker: Worker): void {
    if (this.successor === worker) this.successor = null;
    else if (this.worker === worker) this.promote();
  }

  /**
   * Notes that a life ended, or could not begin, and returns the milliseconds
   * until the next attempt.
   *
   * @param servedMs How long it was in service; `null` when it never became ready.
   */
  noteEnd(servedMs: number | null, now: number): number {
    const { failures, delayMs } = planRestart({
      servedMs,
      failures: this.#failures,
      random: Math.random(),
    });
    this.#failures = failures;
    this.portRaces = 0;
    this.retryAt = now + delayMs;
    return delayMs;
  }
}

/**
 * Returns the slots a pool that shrinks gives up, in order: those that serve
 * nobody before those that do, the least busy before the busier, the newest
 * before the older.
 */
export function chooseLeaving(
  slots: readonly Slot[],
  count: number,
): readonly Slot[] {
  return [...slots].sort(byExpendability).slice(0, count);
}

function byExpendability(a: Slot, b: Slot): number {
  return Number(a.worker?.serviceable ?? false) -
      Number(b.worker?.serviceable ?? false) ||
    (a.worker?.upstream.inFlight ?? 0) - (b.worker?.upstream.inFlight ?? 0) ||
    (b.worker?.startedAt ?? 0) - (a.worker?.startedAt ?? 0) ||
    b.id - a.id;
}
