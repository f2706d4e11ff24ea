/**
 * Fills slots with workers, and tells of attempts that fail.
 *
 * Decides neither when nor for which slot: the reconciler does.
 *
 * @module
 */

import type { EventEmitter, ReplacementReason } from "../events/mod.ts";
import type { Generation } from "./generation.ts";
import { LaunchError } from "./launch_error.ts";
import {
  type PoolStartErrorCode,
  startError,
  type StartFailure,
} from "./pool_start_error.ts";
import type { ReplacementCause } from "./replacement.ts";
import type { LifeEnd, Slot } from "./slot.ts";
import type { Worker } from "./worker.ts";
import type { WorkerCommand } from "./worker_command.ts";
import type { WorkerStarter } from "./worker_starter.ts";

/** Ports in a row a worker may lose to other programs before that counts as a failed start. */
const MAX_PORT_RACES = 3;

/** What a filler works with. */
export interface SlotFillerDeps {
  readonly events: EventEmitter;
  readonly starter: WorkerStarter;
}

/** An attempt to fill a slot. */
export interface FillRequest {
  readonly generation: Generation;
  /** Longest wait for the worker's first good response, in milliseconds. */
  readonly startupTimeoutMs: number;
  /** How long what it leaves behind may take to end, in milliseconds. */
  readonly stopTimeoutMs: number;
  /** Why the worker in the slot wants a successor; `null` when there is none. */
  readonly cause: ReplacementCause | null;
  readonly now: number;
}

/** Starts workers for slots and keeps account of it. */
export class SlotFiller {
  readonly #deps: SlotFillerDeps;
  readonly #restarts = new Map<ReplacementReason, number>();
  /** The command that was run last, for the error of a pool that cannot start. */
  #workerCommand: WorkerCommand | null = null;

  /** Creates a filler that has filled nothing yet. */
  constructor(deps: SlotFillerDeps) {
    this.#deps = deps;
  }

  /** Workers started in the place of another so far, by reason. */
  get restarts(): Readonly<Partial<Record<ReplacementReason, number>>> {
    return Object.fromEntries(this.#restarts);
  }

  /** Starts a worker for `slot`, or notes on it that this failed. */
  fill(slot: Slot, request: FillRequest): void {
    const { id, avoidPort } = slot;
    const { generation, cause, now } = request;
    this.#workerCommand = generation.workerCommand;
    try {
      const worker = this.#deps.starter.start({ ...request, id, avoidPort });
      slot.avoidPort = null;
      const reason = slot.fill(worker, cause);
      if (reason !== null) {
        this.#restarts.set(reason, (this.#restarts.get(reason) ?? 0) + 1);
      }
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      this.#tell(slot, error.code, {
        workerId: id,
        pid: null,
        port: null,
        generation: generation.number,
        command: generation.workerCommand.argv,
        reason: error.message,
        status: null,
        lastOutput: [],
        retryInMs: slot.noteEnd({
          worker: null,
          generation: generation.number,
          reason: error.message,
          at: now,
        }),
      });
    }
  }

  /** Notes that a worker of `slot` is gone that never became ready. */
  noteFailedStart(slot: Slot, end: LifeEnd): void {
    const { worker, generation, reason } = end;
    const lostPort = slot.portRaces < MAX_PORT_RACES &&
      this.#deps.starter.judge.lostPort(worker);
    if (lostPort) slot.noteLostPort(worker.port);
    const waitMs = lostPort ? 0 : this.#deps.starter.judge.retryAfterMs(worker);
    const open = waitMs > 0 && slot.awaitOthers();
    this.#tell(slot, "never-ready", {
      workerId: slot.id,
      pid: worker.process.pid,
      port: worker.port,
      generation,
      command: worker.process.command,
      reason: this.#explain(worker, reason, lostPort),
      status: worker.exit,
      lastOutput: worker.process.lastOutput,
      retryInMs: lostPort ? 0 : slot.noteEnd(end, waitMs),
    }, open);
  }

  #explain(worker: Worker, reason: string, lostPort: boolean): string {
    const more = lostPort
      ? worker.displaced ? null : "its port had been taken"
      : this.#deps.starter.judge.explainFailure(worker);
    return more === null ? reason : `${reason} (${more})`;
  }

  /** @param open Whether the first worker of the slot may still do better. */
  #tell(
    slot: Slot,
    code: PoolStartErrorCode,
    failure: StartFailure,
    open: boolean = false,
  ): void {
    // A command that cannot be run fails in every slot at once, and then the
    // start of the pool fails, which says it once. Otherwise the next attempt
    // is only a moment away.
    if (code === "never-ready" || slot.outcome !== null) {
      this.#deps.events.emit({ type: "worker-start-failed", ...failure });
    }
    if (slot.portRaces > 0 || open) return;
    slot.outcome ??= startError(code, failure, this.#workerCommand!);
  }
}
