/**
 * One reload: a new generation takes over from the old one, slot by slot, or
 * gives way to it again.
 *
 * It does nothing to workers. It says which generation is wanted and which
 * new worker has proved itself, and looks at what comes of it.
 *
 * @module
 */

import { judgeCanary } from "./canary.ts";
import type { Generation } from "./generation.ts";
import {
  NO_OUTCOMES,
  type Outcomes,
  outcomesOf,
  sumOutcomes,
} from "./outcomes.ts";
import type {
  ReloadReport,
  ReloadVerdict,
  WorkerReload,
} from "../events/reload_report.ts";
import { roundedDuration } from "../shared/duration.ts";
import type { Slot } from "./slot.ts";
import type { Worker } from "./worker.ts";

/** How often a reload that goes on is looked at, in milliseconds: requests that prove a worker wake nobody. */
const CHECK_MS = 25;

/**
 * A new worker that is not ready after so many times as long as the slowest of
 * the old generation took will most likely not be: it is given up where a
 * newer reload waits.
 */
const OVERDUE_RATIO = 3;

/** It is given so long at least, in milliseconds: machines are busy at times. */
const LEAST_OVERDUE_MS = 2_000;

/** What a reload begins with. */
export interface RolloutOptions {
  readonly from: Generation;
  readonly to: Generation;
  /** When it begins, on the pool's clock. */
  readonly startedAt: number;
  /** Requests by which a new worker proves itself; 0 takes it at its word. */
  readonly canaryRequests: number;
}

/** Why a reload is given up. */
interface Failure {
  /** The slot at fault; `null` when it is none. */
  readonly slotId: number | null;
  /** The worker at fault; `null` when no process could be started. */
  readonly worker: Worker | null;
  readonly reason: string;
  readonly at: number;
}

/** A reload that goes on. */
export class Rollout {
  readonly #options: RolloutOptions;
  readonly #proven = new Set<Worker>();
  /** Slots in which there was a new worker and no old one, by number. */
  readonly #replaced = new Set<number>();
  #failure: Failure | null = null;

  /** Begins a reload. */
  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /** The generation that is wanted: the new one, until that has failed. */
  get generation(): Generation {
    const { from, to } = this.#options;
    return this.#failure === null ? to : from;
  }

  /** When to look again at the latest. */
  nextCheckAt(now: number): number {
    return now + CHECK_MS;
  }

  /** Whether a worker may take its predecessor's place. What the old generation does is proof enough. */
  mayTakeOver(worker: Worker): boolean {
    return worker.generation !== this.#options.to.number ||
      this.#proven.has(worker);
  }

  /**
   * Looks at the slots, and returns the report once the reload has come to its
   * end.
   *
   * @param newerWaits Whether there is to be another one after it.
   */
  judge(
    slots: readonly Slot[],
    now: number,
    newerWaits: boolean,
  ): ReloadReport | null {
    for (const { id, worker } of slots) {
      if (worker?.generation === this.#options.to.number) {
        this.#replaced.add(id);
      }
    }
    if (this.#failure === null) {
      this.#failure = this.#evaluateCanaries(slots, now) ??
        this.#findFailedCanary(slots) ??
        (newerWaits ? this.#findOverdue(slots, now) : null);
      // The old generation has done nothing to be kept waiting for.
      if (this.#failure !== null) slots.forEach((slot) => slot.resetBackoff());
    }
    return slots.every((slot) => this.#isSettled(slot))
      ? this.#report(slots, now)
      : null;
  }

  /** Ends the reload where it stands, and returns its report. */
  abandon(slots: readonly Slot[], reason: string, now: number): ReloadReport {
    this.#failure ??= { slotId: null, worker: null, reason, at: now };
    return this.#report(slots, now);
  }

  /** Notes which new workers have proved themselves; returns the failure of one that has not. */
  #evaluateCanaries(slots: readonly Slot[], now: number): Failure | null {
    const { from, to } = this.#options;
    const old = slots.flatMap((slot) => slot.workers)
      .filter((worker) => worker.generation === from.number);
    const baseline = sumOutcomes(old.map(outcomesOf));
    for (const slot of slots) {
      const onTrial = slot.workers.filter((worker) =>
        worker.generation === to.number && !this.#proven.has(worker)
      );
      for (const worker of onTrial) {
        const reason = this.#judgeWorker(worker, slot, { baseline, now });
        if (reason !== null) {
          return { slotId: slot.id, worker, reason, at: now };
        }
      }
    }
    return null;
  }

  /** Notes it if a new worker has proved itself; returns what is wrong with it, as a sentence part. */
  #judgeWorker(
    worker: Worker,
    slot: Slot,
    seen: { readonly baseline: Outcomes; readonly now: number },
  ): string | null {
    if (worker.health?.healthy === false) {
      return `failed its probes (${worker.health.reason})`;
    }
    if (worker.state.type !== "ready" || !worker.serviceable) return null;
    const verdict = judgeCanary(outcomesOf(worker), seen.baseline, {
      // One that is held back is given no requests.
      canaryRequests: slot.member ? this.#options.canaryRequests : 0,
      elapsedMs: seen.now - worker.state.since,
    });
    if (verdict.type === "passed") this.#proven.add(worker);
    return verdict.type === "failed" ? verdict.reason : null;
  }

  /** A new worker that ended before it had proved itself, or could not be started. */
  #findFailedCanary(slots: readonly Slot[]): Failure | null {
    for (const { id, lastEnd } of slots) {
      if (lastEnd?.generation !== this.#options.to.number) continue;
      const { worker, reason, at } = lastEnd;
      if (worker === null || !this.#proven.has(worker)) {
        return { slotId: id, worker, reason, at };
      }
    }
    return null;
  }

  /** A new worker that takes much longer to start than the old ones did. */
  #findOverdue(slots: readonly Slot[], now: number): Failure | null {
    const { from, to } = this.#options;
    const startupsMs = slots.flatMap(({ workers }) => workers)
      .filter(({ generation }) => generation === from.number)
      .map(({ startupMs }) => startupMs ?? 0);
    const limitMs = Math.max(
      LEAST_OVERDUE_MS,
      OVERDUE_RATIO * Math.max(...startupsMs),
    );
    for (const { id, workers } of slots) {
      const worker = workers.find(({ generation, state, startedAt }) =>
        generation === to.number && state.type === "starting" &&
        now - startedAt > limitMs
      );
      if (worker === undefined) continue;
      const reason =
        `not ready after ${roundedDuration(now - worker.startedAt)}` +
        ", and a newer reload waits";
      return { slotId: id, worker, reason, at: now };
    }
    return null;
  }

  /** Whether nothing more is to be waited for in a slot. */
  #isSettled({ worker, successor, lastEnd }: Slot): boolean {
    const { from, to } = this.#options;
    if (this.#failure === null) {
      return worker !== null && worker.serviceable && this.#proven.has(worker);
    }
    const returned = worker?.generation === from.number &&
      worker.startupMs !== null && successor?.generation !== to.number;
    // The attempt goes on to be made, but the verdict does not wait for it.
    const triedInVain = lastEnd?.generation === from.number &&
      lastEnd.at >= this.#failure.at;
    return returned || triedInVain;
  }

  #report(slots: readonly Slot[], now: number): ReloadReport {
    const { from, to, startedAt } = this.#options;
    const failure = this.#failure;
    const slotId = failure?.slotId ?? null;
    const who = slotId === null ? "" : `worker ${slotId}: `;
    return {
      ok: failure === null,
      fromGeneration: from.number,
      generation: to.number,
      reason: failure && who + failure.reason,
      durationMs: now - startedAt,
      workers: slots.map((slot) => this.#reportSlot(slot))
        .sort((a, b) => a.workerId - b.workerId),
    };
  }

  #reportSlot(slot: Slot): WorkerReload {
    const failure = this.#failure;
    const { id, worker } = slot;
    if (failure?.slotId === id) {
      return reportWorker(id, failure.worker, "failed", failure.reason);
    }
    if (worker?.generation === this.#options.to.number) {
      return failure === null
        ? reportWorker(id, worker, "replaced", null)
        : reportWorker(
          id,
          worker,
          "replaced",
          `the old generation did not come back: ${this.#whyNot(slot)}`,
        );
    }
    return this.#replaced.has(id)
      ? reportWorker(id, worker, "rolled-back", "the reload failed")
      : reportWorker(id, worker, "kept", "the reload failed before its turn");
  }

  /** Why the old generation is not back in a slot. */
  #whyNot({ lastEnd }: Slot): string {
    const failure = this.#failure!;
    const tried = lastEnd !== null && lastEnd.at >= failure.at &&
      lastEnd.generation === this.#options.from.number;
    // Without an attempt nobody waited for one: the reload was given up.
    return tried ? lastEnd.reason : failure.reason;
  }
}

function reportWorker(
  workerId: number,
  worker: Worker | null,
  verdict: ReloadVerdict,
  reason: string | null,
): WorkerReload {
  const { requests, errors } = worker === null
    ? NO_OUTCOMES
    : outcomesOf(worker);
  return {
    workerId,
    port: worker?.port ?? null,
    pid: worker?.process.pid ?? null,
    verdict,
    reason,
    startupMs: worker?.startupMs ?? null,
    requests,
    errors,
  };
}
