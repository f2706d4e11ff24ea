/**
 * Makes what reads the workers' outputs, and keeps account of what of them is
 * dropped.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import type { OutputLimits } from "./output_budget.ts";
import { OutputScheduler } from "./output_scheduler.ts";
import { WorkerOutput } from "./worker_output.ts";

/** How much of the workers' output has been dropped. */
export interface DroppedOutput {
  /** Lines. */
  readonly lines: number;
  /** Their bytes. */
  readonly bytes: number;
}

/** The worker whose output is read. */
export interface OutputOwner {
  /** Its slot. */
  readonly id: number;
  /** Its process, which is not there yet when its reader is made. */
  readonly pid: () => number;
  /** Whether it is to be told of each line, whoever else wants them. @default {never} */
  readonly isWatched?: () => boolean;
  /** Told of each line while it is watched. */
  readonly onLine?: (line: string) => void;
}

/** Makes readers that share the event loop fairly. */
export class OutputReaders {
  readonly #limits: OutputLimits;
  readonly #events: EventEmitter;
  readonly #scheduler = new OutputScheduler();
  readonly #dropped = new Map<number, DroppedOutput>();

  /** Holds every worker to `limits`. */
  constructor(limits: OutputLimits, events: EventEmitter) {
    this.#limits = limits;
    this.#events = events;
  }

  /** What has been dropped of the workers of each slot; slots of which nothing was are missing. */
  get dropped(): ReadonlyMap<number, DroppedOutput> {
    return this.#dropped;
  }

  /** Makes a reader, which reads nothing yet. */
  create({ id, pid, isWatched, onLine }: OutputOwner): WorkerOutput {
    const events = this.#events;
    return new WorkerOutput({
      limits: this.#limits,
      scheduler: this.#scheduler,
      demand: () => isWatched?.() ? "all" : events.outputDemand,
      onLine: (stream, line) => {
        events.emit({
          type: "worker-output",
          workerId: id,
          pid: pid(),
          stream,
          line,
        });
        if (isWatched?.()) onLine?.(line);
      },
      onFlood: {
        dropped: (lines, bytes) => this.#count(id, lines, bytes),
        flood: (flood) =>
          events.emit({
            type: "worker-output-dropped",
            workerId: id,
            pid: pid(),
            lines: 0,
            bytes: 0,
            durationMs: 0,
            ...flood,
          }),
      },
    });
  }

  #count(id: number, lines: number, bytes: number): void {
    const before = this.#dropped.get(id) ?? { lines: 0, bytes: 0 };
    this.#dropped.set(id, {
      lines: before.lines + lines,
      bytes: before.bytes + bytes,
    });
  }
}
