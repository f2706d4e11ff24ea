/**
 * Looks how much memory the workers use, once a second, while there is a
 * limit to hold them to.
 *
 * @module
 */

import type { EventEmitter } from "../events.ts";
import { processUsage } from "../metrics/process_usage.ts";
import type { Worker } from "./worker.ts";

/** Milliseconds between two looks: 14 µs a worker, and what grows faster than that no sampling catches. */
const INTERVAL_MS = 1_000;

/** Returns the resident memory of a process in bytes, or `null` when that cannot be known. */
export type ReadMemory = (pid: number) => number | null;

/** Marks on workers what they use. */
export class MemorySampler {
  readonly #events: EventEmitter;
  readonly #read: ReadMemory;
  #nextAt = 0;
  #told = false;

  /** Creates a sampler; `read` is what /proc says unless given. */
  constructor(
    events: EventEmitter,
    read: ReadMemory = (pid) => processUsage(pid).rssBytes,
  ) {
    this.#events = events;
    this.#read = read;
  }

  /** Looks at the workers if it is time, and returns when it is next. */
  sample(workers: readonly Worker[], now: number): number {
    if (now < this.#nextAt) return this.#nextAt;
    this.#nextAt = now + INTERVAL_MS;
    const running = workers.filter((worker) => worker.goneAt === null);
    let unknown = 0;
    for (const worker of running) {
      const rssBytes = this.#read(worker.process.pid);
      if (rssBytes === null) unknown++;
      else worker.peakRssBytes = Math.max(worker.peakRssBytes, rssBytes);
    }
    // One alone may just have ended.
    if (running.length > 0 && unknown === running.length) this.#tellOnce();
    return this.#nextAt;
  }

  #tellOnce(): void {
    if (this.#told) return;
    this.#told = true;
    this.#events.emit({
      type: "notice",
      level: "warning",
      message: "Cannot hold the workers to MAX_WORKER_MEMORY_MB: their memory" +
        " cannot be read. Run on Linux, with all permissions (-A).",
    });
  }
}
