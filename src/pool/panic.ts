/**
 * Panic: most workers fail their probes together, and all of them respond.
 *
 * Then the cause is hardly in the workers: a database is away, a certificate
 * has expired. To take them out one by one would leave all traffic to the
 * last, and new ones would fail the same probes. So all stay in rotation and
 * none is replaced for it, as with Envoy's panic threshold.
 *
 * That the cause is in the workers after all (a pool of connections that never
 * recovers) is tried out now and then, with one new worker at a time.
 *
 * Pure: it is handed what has been seen, and `now`.
 *
 * @module
 */

import type { PanicEvent } from "../events/mod.ts";
import type { Slot } from "./slot.ts";
import type { Worker } from "./worker.ts";

/**
 * Share of the workers that can be reached above which failing together is a
 * panic. Half is Envoy's: of two both, of three two, of four three.
 */
const PANIC_RATIO = 0.5;

/** Fewest workers that can fail together. A single one says nothing of a common cause, and is replaced. */
const LEAST_FAILING = 2;

/**
 * How long no more than half must have failed before a panic is over while
 * some still do, in milliseconds. Who fails is probed twice a second: those
 * that recover with the others do so in this time, and a pool at the threshold
 * does not go in and out.
 */
const CALM_MS = 5_000;

/** First wait before a replacement is tried in a panic, in milliseconds. What is restarted elsewhere is back by then. */
const FIRST_TRIAL_MS = 60_000;

/** Longest such wait, in milliseconds: it doubles with each attempt in vain. */
const LAST_TRIAL_MS = 900_000;

/** What is looked at of a worker. */
export type JudgedWorker = Pick<Worker, "health">;

/** A worker that has been ready, in its place. */
export interface PlacedWorker {
  readonly slot: Pick<Slot, "worker" | "successor" | "lastEnd">;
  readonly worker: Worker;
}

/** A replacement that is tried. */
interface ReplacementTrial extends PlacedWorker {
  readonly since: number;
}

/** Whether a worker fails its probes, by the thresholds, and responds to them. */
export function failsByResponse({ health }: JudgedWorker): boolean {
  return health?.healthy === false && health.reach !== "unreachable";
}

/** Notices when most workers fail together, and when they do not any more. */
export class Panic {
  #since: number | null = null;
  /** Since when no more than half have failed. */
  #calmSince: number | null = null;
  #trial: ReplacementTrial | null = null;
  #trialAt = Infinity;
  #trialWaitMs = FIRST_TRIAL_MS;

  /** Whether there is one. */
  get active(): boolean {
    return this.#since !== null;
  }

  /** Whether a replacement of `worker` may be tried nevertheless. */
  tries(worker: Worker): boolean {
    return this.#trial?.worker === worker;
  }

  /** Looks at the workers that have been ready, and returns what has changed. */
  assess(placed: readonly PlacedWorker[], now: number): PanicEvent | null {
    const reachable = placed.filter(({ worker }) =>
      worker.health?.reach !== "unreachable"
    );
    const failing = reachable.filter(({ worker }) => failsOfLate(worker));
    const change = this.#change(failing, reachable.length, now);
    if (this.active) this.#tryOne(failing, now);
    return change;
  }

  /** Forgets it: the pool is stopping, and nothing is kept for longer. */
  end(): void {
    this.#since = null;
    this.#calmSince = null;
    this.#trial = null;
  }

  /** When to look again at the latest. */
  nextCheckAt(now: number): number {
    if (!this.active) return Infinity;
    const calmAt = (this.#calmSince ?? Infinity) + CALM_MS;
    const trialAt = this.#trialAt > now ? this.#trialAt : Infinity;
    return Math.min(calmAt, trialAt);
  }

  #change(
    failing: readonly PlacedWorker[],
    workers: number,
    now: number,
  ): PanicEvent | null {
    const most = failing.length >= LEAST_FAILING &&
      failing.length / workers > PANIC_RATIO;
    const figures = {
      failing: failing.length,
      workers,
      reason: failing[0]?.worker.health?.reason ?? null,
    };
    if (this.#since === null) {
      // By the thresholds one is enough: the others are on their way.
      if (!most || !failing.some(({ worker }) => failsByResponse(worker))) {
        return null;
      }
      this.#since = now;
      this.#trialWaitMs = FIRST_TRIAL_MS;
      this.#trialAt = now + FIRST_TRIAL_MS;
      return { type: "panic-entered", ...figures, durationMs: 0 };
    }
    if (most) {
      this.#calmSince = null;
      return null;
    }
    this.#calmSince ??= now;
    if (failing.length > 0 && now < this.#calmSince + CALM_MS) return null;
    const durationMs = now - this.#since;
    this.end();
    return { type: "panic-left", ...figures, durationMs };
  }

  /** Chooses whose replacement is tried, one at a time. */
  #tryOne(failing: readonly PlacedWorker[], now: number): void {
    if (this.#trial !== null && !this.#isOver(this.#trial, failing, now)) {
      return;
    }
    this.#trial = null;
    if (now < this.#trialAt) return;
    const first = failing.find(({ worker }) => failsByResponse(worker));
    if (first === undefined) return;
    this.#trial = { ...first, since: now };
    this.#trialWaitMs = Math.min(this.#trialWaitMs * 2, LAST_TRIAL_MS);
    this.#trialAt = now + this.#trialWaitMs;
  }

  #isOver(
    { slot, worker, since }: ReplacementTrial,
    failing: readonly PlacedWorker[],
    now: number,
  ): boolean {
    if (failing.some((placed) => placed.worker === worker)) {
      return slot.successor === null && (slot.lastEnd?.at ?? -1) >= since;
    }
    const { worker: holder } = slot;
    // A new one is well: so is the next one, then.
    if (holder !== worker && holder?.health?.healthy === true) {
      this.#trialAt = now;
      this.#trialWaitMs = FIRST_TRIAL_MS;
    }
    return true;
  }
}

/** Whether the last probes failed, so few as they may be. */
function failsOfLate(worker: JudgedWorker): boolean {
  const { health } = worker;
  return failsByResponse(worker) ||
    health?.healthy === true && health.failures > 0 &&
      health.reach === "responding";
}
