/**
 * Warns when the workers that the settings ask for do not fit into memory:
 * once by their limit, before they start, and once by what they use, then.
 *
 * @module
 */

import { availableMemory } from "../autoscaler/available_memory.ts";
import type { EventEmitter } from "../events/mod.ts";
import { Alarm } from "../shared/alarm.ts";
import type { Pool } from "../pool/pool.ts";
import {
  limitShortfall,
  type MeasuredMemory,
  measuredShortfall,
  type MemoryFitOptions,
} from "./memory_fit.ts";

/** From the start to the first look, in milliseconds: programs go on loading after their first response. */
const FIRST_LOOK_MS = 5_000;

/** Between two looks, in milliseconds: workers grow as they work. One costs a pass over /proc. */
const LOOK_MS = 60_000;

/** What a watch works with. */
export interface MemoryWatchDeps {
  readonly pool: Pick<Pool, "usage">;
  readonly events: EventEmitter;
  /** Settings that apply now. */
  readonly options: () => MemoryFitOptions;
}

/** Looks now and then, until there was something to say. */
export class MemoryWatch {
  readonly #deps: MemoryWatchDeps;
  readonly #alarm = new Alarm();
  #stopping = false;
  #loop: Promise<void> | null = null;

  /** Creates a watch that has looked at nothing. */
  constructor(deps: MemoryWatchDeps) {
    this.#deps = deps;
  }

  /** Looks at the settings alone: nothing runs yet. */
  checkLimit(): void {
    this.#warn(limitShortfall(this.#deps.options()));
  }

  /** Begins to look at what the workers use. */
  start(): void {
    // Where that cannot be seen it will not be later.
    if (availableMemory() !== null) this.#loop ??= this.#run();
  }

  /** Ends it, and resolves when that has happened. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#alarm.wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    await this.#alarm.sleep(FIRST_LOOK_MS);
    while (!this.#stopping) {
      const measured = meanOf(this.#deps.pool.usage());
      const warned = measured !== null &&
        this.#warn(measuredShortfall(this.#deps.options(), measured));
      if (warned) return;
      await this.#alarm.sleep(LOOK_MS);
    }
  }

  #warn(message: string | null): boolean {
    if (message === null) return false;
    this.#deps.events.emit({ type: "notice", level: "warning", message });
    return true;
  }
}

function meanOf(usage: ReturnType<Pool["usage"]>): MeasuredMemory | null {
  const known = [...usage.values()].map(({ rssBytes }) => rssBytes)
    .filter((bytes) => bytes !== null);
  if (known.length === 0) return null;
  const totalBytes = known.reduce((sum, bytes) => sum + bytes, 0);
  return { workerBytes: totalBytes / known.length, totalBytes };
}
