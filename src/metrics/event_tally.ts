/**
 * What has happened to the pool, counted from its events: for the figures
 * that nobody else keeps.
 *
 * @module
 */

import type {
  EventEmitter,
  ExitStatus,
  PoolEvent,
  SuspectRequest,
  WorkerExitedEvent,
} from "../events/mod.ts";
import { LatencyHistogram } from "../shared/latency_histogram.ts";

/** Suspects that are kept, the last ones: as many as fit a look. */
const MAX_SUSPECTS = 20;

/** A request that may have ended a worker. */
export interface TalliedSuspect extends SuspectRequest {
  /** When the worker was found gone, as milliseconds since the Unix epoch. */
  readonly at: number;
  /** Slot of the worker. */
  readonly workerId: number;
  /** How its process ended. */
  readonly status: ExitStatus;
}

/** Counts by reason. */
export type Tally = ReadonlyMap<string, number>;

/** Counts what happens in one pool. */
export class EventTally {
  /** How long places were without a healthy worker before a successor was ready. */
  readonly recovery: LatencyHistogram = new LatencyHistogram();
  /** Requests that may have ended a worker, all of them. */
  suspectCount = 0;
  #suspects: readonly TalliedSuspect[] = [];
  readonly #kills = new Map<string, number>();
  readonly #scaledUp = new Map<string, number>();
  readonly #scaledDown = new Map<string, number>();
  /** Counts no more: the events may go on to be somebody else's. */
  readonly close: () => void;

  /** Counts what `events` tells from now on. */
  constructor(events: EventEmitter) {
    this.close = events.subscribe((event) => this.#take(event), {
      output: "none",
    });
  }

  /** Workers that were killed, and not by the pool, by who did it. */
  get kills(): Tally {
    return this.#kills;
  }

  /** Changes of the wanted number of workers to more of them, by reason. */
  get scaledUp(): Tally {
    return this.#scaledUp;
  }

  /** Changes to fewer, by reason. */
  get scaledDown(): Tally {
    return this.#scaledDown;
  }

  /** The last requests that may have ended a worker, oldest first. */
  get suspects(): readonly TalliedSuspect[] {
    return this.#suspects;
  }

  #takeSuspects({ workerId, status, ...event }: WorkerExitedEvent): void {
    this.suspectCount += event.suspectCount;
    const at = Date.now();
    this.#suspects = [
      ...this.#suspects,
      ...event.suspects.map((suspect) => ({
        ...suspect,
        at,
        workerId,
        status,
      })),
    ].slice(-MAX_SUSPECTS);
  }

  #take(event: PoolEvent): void {
    switch (event.type) {
      case "worker-exited":
        if (event.killer !== null) count(this.#kills, event.killer);
        return this.#takeSuspects(event);
      case "worker-ready":
      case "worker-promoted": {
        // Where the successor came first, or a spare, there is nothing to recover from.
        const downMs = event.replaces?.downMs ?? 0;
        if (downMs > 0) this.recovery.record(downMs);
        return;
      }
      case "pool-scaled": {
        const { from, to, reason } = event;
        count(to > from ? this.#scaledUp : this.#scaledDown, reason);
        return;
      }
    }
  }
}

function count(tally: Map<string, number>, key: string): void {
  tally.set(key, (tally.get(key) ?? 0) + 1);
}
