/**
 * Follows workers to their end: who killed them, which requests may be why,
 * and what they have left behind.
 *
 * It reports by marking facts on the worker and waking the pool.
 *
 * @module
 */

import type {
  EventEmitter,
  ExitStatus,
  Killer,
  WorkerLeftProcessesEvent,
} from "../events/mod.ts";
import { type DataPlane, NO_SUSPECTS } from "../plane/contract.ts";
import type { OomKills } from "../system/oom_kills.ts";
import { endCause } from "./end_cause.ts";
import type { Worker } from "./worker.ts";
import { describeExit } from "./worker_end.ts";

/** What is asked, and who is told. */
export interface ExitFollowerDeps {
  readonly events: EventEmitter;
  readonly plane: DataPlane;
  /** The pool's clock. */
  readonly clock: () => number;
  /** Called when a fact about a worker has changed. */
  readonly wake: () => void;
  /** Tells whom the kernel has killed for want of memory. @default {nobody: that is not known} */
  readonly oomKills?: OomKills;
}

/** Takes note of how workers end. */
export class ExitFollower {
  readonly #deps: ExitFollowerDeps;

  /** Follows nobody yet. */
  constructor(deps: ExitFollowerDeps) {
    this.#deps = deps;
  }

  /** Follows a worker until nothing of it is left. */
  async follow(worker: Worker): Promise<void> {
    const { process } = worker;
    const status = await process.exited;
    // Before the last output is read: nobody shall be sent there any more,
    // and a spare is given work at once.
    const now = this.#deps.clock();
    worker.killer = this.#killerOf(worker, status, now);
    worker.goneAt = now;
    const end = {
      cause: endCause(status, worker.state, worker.killer),
      description: describeExit(status),
    };
    const { key } = worker.upstream;
    const suspects = this.#deps.plane.ask({ type: "exited", key, end });
    worker.upstream.retire();
    this.#deps.wake();
    await process.finished;
    worker.lossSuspects = await suspects ?? NO_SUSPECTS;
    // What a first start has left behind is why it failed.
    if (worker.startupMs === null) await process.looked;
    const asked = worker.state.type === "terminating";
    if (asked) {
      // It has not ended before its processes have.
      await this.#announceRemaining(worker, { asked, daemonised: false });
      await process.cleared;
    }
    worker.exit = status;
    this.#deps.wake();
    if (!asked) {
      const daemonised = status.code === 0;
      await this.#announceRemaining(worker, { asked, daemonised });
    }
    await process.cleared;
  }

  /** Says what a worker has left behind. */
  async #announceRemaining(
    worker: Worker,
    how: Pick<WorkerLeftProcessesEvent, "asked" | "daemonised">,
  ): Promise<void> {
    const { process, id: workerId, port, generation } = worker;
    await process.looked;
    const { remaining } = process;
    if (remaining !== null && remaining.length === 0) return;
    this.#deps.events.emit({
      type: "worker-left-processes",
      workerId,
      port,
      pid: process.pid,
      generation,
      ...how,
      processes: remaining,
    });
  }

  #killerOf(worker: Worker, status: ExitStatus, now: number): Killer | null {
    if (!worker.wasKilledByOthers(status)) return null;
    switch (this.#deps.oomKills?.explains(now) ?? null) {
      case null:
        return "unknown";
      case true:
        return "out-of-memory";
      case false:
        return "outside";
    }
  }
}
