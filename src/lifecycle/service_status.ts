/**
 * What the pool says of itself to a service manager: one line, for people.
 * Pure.
 *
 * @module
 */

import type { ServingState } from "../events/mod.ts";

/** What the line is made of. */
export interface ServiceFigures {
  readonly state: ServingState;
  /** Workers that may be given work now. */
  readonly ready: number;
  /** Workers wanted. */
  readonly desired: number;
  /** Which (re)load the newest workers belong to, from 1. */
  readonly generation: number;
  /** Requests in flight. */
  readonly requests: number;
  /** Streams among what is in flight. */
  readonly streams: number;
  /** Requests that wait for a worker. */
  readonly queued: number;
  /** Workers of which something still runs. */
  readonly workersLeft: number;
}

/** What is known of reloads. */
export interface ReloadStatus {
  /** Whether one goes on, or waits. */
  readonly reloading: boolean;
  /** Why the last one was refused or failed, as a sentence part; `null` when it was not. */
  readonly failure: string | null;
}

/** Returns the line. */
export function serviceStatus(
  figures: ServiceFigures,
  { reloading, failure }: ReloadStatus,
): string {
  const { state, ready, desired, generation, requests, streams, queued } =
    figures;
  const workers = `${ready} of ${count(desired, "worker")} ready`;
  const load = [
    `${requests} in flight`,
    ...streams > 0 ? [count(streams, "stream")] : [],
    `${queued} queued`,
  ].join(", ");
  switch (state) {
    case "starting":
      return `Starting: ${workers}`;
    case "serving":
      return `${reloading ? "Reloading" : "Serving"}: ${workers}, ` +
        `generation ${generation}; ${load}` +
        (failure === null ? "" : `. The last reload failed: ${failure}`);
    case "draining":
      return `Stopping: ${load}, ` +
        `${count(figures.workersLeft, "worker")} left`;
    case "stopped":
      return "Stopped";
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
