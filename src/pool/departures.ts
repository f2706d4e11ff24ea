/**
 * How workers leave: those taken out of service drain, are asked to end when
 * they have nothing left or have had their time, and are killed when they do
 * not. One that does not become ready leaves the same way.
 *
 * Decides nobody's replacement: the reconciler does.
 *
 * @module
 */

import type { DrainReason } from "../events/mod.ts";
import type { Goal } from "./goal.ts";
import { exhaustsMemory } from "./replacement.ts";
import type { Roster } from "./roster.ts";
import { endOf } from "./slot.ts";
import type { Worker } from "./worker.ts";
import type { WorkerStarter } from "./worker_starter.ts";
import { deadlineOf, type TerminationCause } from "./worker_state.ts";

/** How much longer a worker may take to become ready that computes, in milliseconds, before it is looked at again. */
const STARTUP_EXTENSION_MS = 5_000;

/** How often workers are looked at that may have nothing in flight but streams, in milliseconds. */
const DRAIN_CHECK_MS = 100;

/** Sees workers out. */
export class Departures {
  readonly #roster: Roster;
  readonly #starter: WorkerStarter;

  /** Creates one for the workers in `roster`. */
  constructor(roster: Roster, starter: WorkerStarter) {
    this.#roster = roster;
    this.#starter = starter;
  }

  /** Kills those that use so much memory that the machine is in danger. */
  killExhausting({ options }: Goal, now: number): void {
    for (const worker of this.#roster.workers) {
      if (worker.goneAt !== null || worker.state.type === "terminating") {
        continue;
      }
      if (!exhaustsMemory(worker, options)) continue;
      const slot = this.#roster.slotOf(worker);
      const reason = "used far more than MAX_WORKER_MEMORY_MB";
      worker.kill("memory-limit", reason);
      this.#leave(worker);
      slot?.vacate(worker);
      slot?.noteLoss("max-memory", now);
      slot?.noteEnd(endOf(worker, reason, now));
    }
  }

  /** Takes a worker out of service for good; it leaves its slot to others. */
  dismiss(
    worker: Worker,
    reason: DrainReason,
    goal: Goal,
    now: number,
  ): void {
    this.#leave(worker);
    switch (worker.state.type) {
      case "starting":
        terminate(worker, "dismissed", goal, now);
        break;
      case "ready":
      case "unhealthy": {
        const { drainTimeoutMs } = goal.options;
        const patienceMs = Math.min(drainTimeoutMs, worker.patienceMs);
        worker.drain(reason, now + patienceMs);
      }
    }
  }

  /** Does what is due with workers that start, drain or end. */
  expire(goal: Goal, now: number): void {
    for (const worker of this.#roster.workers) {
      const { state } = worker;
      const late = now >= deadlineOf(state);
      if (state.type === "starting") {
        expireStart(worker, late, goal, now);
      } else if (state.type === "draining") {
        const { drained } = worker;
        if (drained || late) {
          const cause = drained ? "drained" : "drain-timeout";
          terminate(worker, cause, goal, now);
        }
      } else if (state.type === "terminating" && late) {
        worker.kill(state.cause, whyKilled(worker, goal));
      }
    }
  }

  /** When to look again at the latest. */
  nextCheckAt(now: number): number {
    const { workers } = this.#roster;
    // Streams begin and end without a word.
    const drains = workers.some(({ state }) => state.type === "draining");
    return Math.min(
      ...workers.map(({ state }) => deadlineOf(state)),
      drains ? now + DRAIN_CHECK_MS : Infinity,
    );
  }

  #leave(worker: Worker): void {
    this.#roster.leave(worker);
    this.#starter.unwatch(worker);
  }
}

/** Looks after one that is yet to become ready. */
function expireStart(
  worker: Worker,
  late: boolean,
  goal: Goal,
  now: number,
): void {
  if (worker.restart) return terminate(worker, "restarted", goal, now);
  if (worker.displaced) return terminate(worker, "port-lost", goal, now);
  if (!late) return;
  const { startupTimeoutMs, startupLimitMs = startupTimeoutMs } = goal.options;
  const lastAt = worker.startedAt + startupLimitMs;
  // One that computes is starting, and not hanging.
  if (worker.health?.diagnosis === "starting" && now < lastAt) {
    worker.extend(Math.min(now + STARTUP_EXTENSION_MS, lastAt));
  } else terminate(worker, "start-timeout", goal, now);
}

/** Asks a worker to end, in its own time, or else in STOP_TIMEOUT_MS. */
function terminate(
  worker: Worker,
  cause: TerminationCause,
  { options: { stopTimeoutMs, stopSignal } }: Goal,
  now: number,
): void {
  worker.terminate(cause, {
    signal: stopSignal,
    // One that has been stopped cannot make use of it.
    killAt: now + Math.min(stopTimeoutMs, worker.patienceMs),
  });
}

/** Why one that was asked to end is made to, as a sentence part. */
function whyKilled(
  worker: Worker,
  { options: { stopTimeoutMs, stopSignal } }: Goal,
): string {
  if (worker.goneAt !== null) {
    return `left processes that did not end within ${stopTimeoutMs} ms`;
  }
  const waitedMs = Math.min(stopTimeoutMs, worker.patienceMs);
  return `did not end within ${waitedMs} ms of ${stopSignal}`;
}
