/**
 * A place in the pool. Workers come and go; the slot, its number and its
 * history stay.
 *
 * Knows no process: it remembers who holds the place, who shall hold it next,
 * and when another attempt may be made.
 *
 * @module
 */

import type { Replacement, ReplacementReason } from "../events/mod.ts";
import type { PoolStartError } from "./pool_start_error.ts";
import type { ReplacementCause } from "./replacement.ts";
import { planRestart } from "./restart_limit.ts";
import type { Worker } from "./worker.ts";

/** How the last life in a slot ended, or why it could not begin. */
export interface SlotEnd {
  /** The worker, or `null` when no process could be started. */
  readonly worker: Worker | null;
  /** Its generation. */
  readonly generation: number;
  /** What happened, as a sentence part. */
  readonly reason: string;
  /** When, on the pool's clock. */
  readonly at: number;
}

/** How the life of a worker ended. */
export type LifeEnd = SlotEnd & { readonly worker: Worker };

/** Returns the end of `worker`, which was noticed at `at`. */
export function endOf(worker: Worker, reason: string, at: number): LifeEnd {
  return { worker, generation: worker.generation, reason, at };
}

/** One place in the pool. */
export class Slot {
  /** Number of the slot, from 0. */
  readonly id: number;
  /** Whether its worker is to be given work, and not held back as a spare. */
  member = false;
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
  /** How the last life ended that was not to end; `null` when none has. */
  lastEnd: SlotEnd | null = null;

  #started = 0;
  #failures = 0;
  #failedStart = false;
  #restarted = false;
  #waited = false;
  #loss: { readonly reason: ReplacementReason; readonly at: number } | null =
    null;
  #cause: ReplacementCause | null = null;

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

  /** Why the successor was started; `null` when there has been none. */
  get cause(): ReplacementCause | null {
    return this.#cause;
  }

  /** Workers of the slot that are not being taken out of service. */
  get workers(): readonly Worker[] {
    return [this.worker, this.successor].filter((worker) => worker !== null);
  }

  /** Those of its workers that may be given work. */
  get serviceable(): readonly Worker[] {
    return this.workers.filter((worker) => worker.serviceable);
  }

  /**
   * Puts a worker that has just been started in its place, as a successor if
   * there is a `cause`.
   *
   * @returns Why it replaces another, or `null` when it does not: it is the
   * first one, or an attempt that only lost the race for a port.
   */
  fill(
    worker: Worker,
    cause: ReplacementCause | null,
  ): ReplacementReason | null {
    this.#cause = cause;
    if (cause === null) this.worker = worker;
    else this.successor = worker;
    const again = this.portRaces > 0 || this.#restarted;
    this.#restarted = false;
    if (again || this.#started++ === 0) return null;
    return cause ??
      (this.#failedStart ? "failed-start" : this.#loss?.reason ?? "exit");
  }

  /** Makes the successor the holder. */
  promote(): void {
    this.worker = this.successor;
    this.successor = null;
  }

  /** Gives the place back to a worker that had left it and serves. */
  reinstate(worker: Worker): void {
    this.worker = worker;
    this.outcome ??= "ready";
    this.#started ||= 1;
    this.#loss = null;
  }

  /** Notes that a worker is lost; it is a loss of the slot if no other one of it is well. */
  noteLoss(reason: ReplacementReason, at: number): void {
    const covered = this.workers.some((worker) =>
      worker.goneAt === null && worker.health?.healthy === true &&
      !worker.withheld
    );
    if (covered) return;
    this.#loss ??= { reason, at };
    // Why it failed its probes before.
    if (reason === "out-of-memory") this.#loss = { reason, at: this.#loss.at };
  }

  /** Notes that its worker is in rotation again, although it was lost for that reason. */
  noteRetained(reason: ReplacementReason): void {
    if (this.#loss?.reason === reason) this.#loss = null;
  }

  /** Notes that a worker of the slot is well, and returns what it makes good. */
  noteReady(worker: Worker, now: number): Replacement | null {
    this.outcome ??= "ready";
    this.#failedStart = false;
    const loss = this.#loss;
    this.#loss = null;
    if (loss !== null) {
      // Where a spare stands in, it is that one which has ended the gap.
      const downMs = this.member ? now - loss.at : 0;
      return { reason: loss.reason, downMs };
    }
    return worker === this.successor && this.#cause !== null
      ? { reason: this.#cause, downMs: 0 }
      : null;
  }

  /** What a worker of another slot makes good that takes this one's place at `now`. */
  lossAt(now: number): Replacement | null {
    const loss = this.#loss;
    return loss && { reason: loss.reason, downMs: now - loss.at };
  }

  /** Notes that an attempt failed only because another program took `port` first: try another at once. */
  noteLostPort(port: number): void {
    this.portRaces++;
    this.avoidPort = port;
  }

  /**
   * Notes that a failed start says nothing yet of the ones to come, as others
   * will show how they are to be made. Returns whether that is so: once.
   */
  awaitOthers(): boolean {
    const first = !this.#waited;
    this.#waited = true;
    return first;
  }

  /** Notes that the next worker is another attempt to start the same one. */
  noteRestart(): void {
    this.#restarted = true;
  }

  /** Takes out a worker; a successor, if there is one, moves up. */
  vacate(worker: Worker): void {
    if (this.successor === worker) this.successor = null;
    else if (this.worker === worker) this.promote();
  }

  /** Allows an attempt at once: what failed so far was something else. */
  resetBackoff(): void {
    this.#failures = 0;
    this.retryAt = 0;
  }

  /**
   * Notes that a life ended unasked, or could not begin, and returns the
   * milliseconds until the next attempt.
   *
   * @param waitMs Milliseconds that are waited at least: for what will show
   * how to make it.
   */
  noteEnd(end: SlotEnd, waitMs: number = 0): number {
    const servedMs = end.worker?.servedMs(end.at) ?? null;
    const plan = planRestart({
      servedMs,
      failures: this.#failures,
      random: Math.random(),
    });
    const delayMs = Math.max(plan.delayMs, waitMs);
    this.#failures = plan.failures;
    this.#failedStart = servedMs === null;
    this.portRaces = 0;
    this.retryAt = end.at + delayMs;
    this.lastEnd = end;
    return delayMs;
  }
}
