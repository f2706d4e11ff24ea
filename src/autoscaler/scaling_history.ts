/**
 * The last changes of the wanted number of workers, for those who ask why it
 * is what it is. Knows the events only, so that commands are in it too.
 *
 * @module
 */

import type { EventEmitter, PoolScaledEvent } from "../events/mod.ts";

/** Changes kept. */
const KEPT_CHANGES = 20;

/** One change, as its event had it. */
export type ScalingRecord = Omit<PoolScaledEvent, "type">;

/** Remembers what the pool was scaled to. */
export class ScalingHistory {
  /** Remembers no more: the events may go on to be somebody else's. */
  readonly close: () => void;
  #changes: readonly ScalingRecord[] = [];

  /** Remembers every change `events` tells of from now on. */
  constructor(events: EventEmitter) {
    this.close = events.subscribe((event) => {
      if (event.type !== "pool-scaled") return;
      const { type: _, ...record } = event;
      this.#changes = [...this.#changes, record].slice(-KEPT_CHANGES);
    }, { output: "none" });
  }

  /** The last changes, oldest first. */
  get changes(): readonly ScalingRecord[] {
    return this.#changes;
  }
}
