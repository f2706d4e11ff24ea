/**
 * Looks how much memory the workers use, with all the processes behind them,
 * once a second, while there is a limit to hold them to.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import type { UsageReader } from "../system/group_usage.ts";
import { BYTES_PER_MB } from "./replacement.ts";
import type { Worker } from "./worker.ts";

/** Milliseconds between two looks: what grows faster than that no sampling catches. */
const INTERVAL_MS = 1_000;

/**
 * Share of the limit from which a worker is looked at closely, page by page:
 * that costs 0.5 to 1 ms a process, and until then it does not matter.
 */
const NEAR_RATIO = 0.9;

/** Marks on workers what they use. */
export class MemorySampler {
  readonly #events: EventEmitter;
  readonly #usage: UsageReader;
  #nextAt = 0;
  #told = false;

  /** Creates a sampler of what `usage` reads. */
  constructor(events: EventEmitter, usage: UsageReader) {
    this.#events = events;
    this.#usage = usage;
  }

  /** Looks at the workers if it is time, and returns when it is next. */
  sample(
    workers: readonly Worker[],
    { maxWorkerMemoryMb, now }: {
      readonly maxWorkerMemoryMb: number;
      readonly now: number;
    },
  ): number {
    if (now < this.#nextAt) return this.#nextAt;
    this.#nextAt = now + INTERVAL_MS;
    const near = maxWorkerMemoryMb * BYTES_PER_MB * NEAR_RATIO;
    const running = workers.filter((worker) => worker.goneAt === null);
    const usage = this.#usage.read(
      running.map(({ process }) => process.pid),
      now,
    );
    let unknown = 0;
    for (const worker of running) {
      const { pid } = worker.process;
      const roughly = usage.get(pid)?.rssBytes ?? null;
      const rssBytes = roughly !== null && roughly > near
        ? this.#usage.exactRssBytes(pid, now)
        : roughly;
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
