/**
 * What the pool wants of whoever watches the workers' health. The pool is
 * handed an implementation, and knows nothing of how a worker is probed.
 *
 * @module
 */

import type { WorkerFindings } from "../worker_findings.ts";

/** Where a worker is to be probed. */
export interface ProbeTarget {
  /** A literal IP address. */
  readonly hostname: string;
  /** The port it listens on. */
  readonly port: number;
}

/** A worker to watch. */
export interface WatchedWorker extends ProbeTarget {
  /** Slot of the worker, from 0. */
  readonly workerId: number;
  /** Its process, which leads a group of its own. */
  readonly pid: number;
}

/**
 * Whether a worker can be reached at all, whatever it responds: the last probe
 * got a response; it got none; or as many in a row got none as make a worker
 * unhealthy.
 */
export type Reach = "responding" | "doubtful" | "unreachable";

/** What the probes of one worker amount to, after each of them. */
export interface HealthReport extends WorkerFindings {
  /** Whether it is well, by the thresholds; `null` until the first good answer. */
  readonly healthy: boolean | null;
  /** Whether it can be reached. */
  readonly reach: Reach;
}

/** The watch over one worker. */
export interface HealthWatch {
  /** Somebody saw the worker refuse a connection: probe at once, and often until it answers. */
  suspect(): void;
  /** Ends the watch, and resolves when nothing of it is left. */
  stop(): Promise<void>;
}

/** Watches workers from outside. */
export interface HealthWatcher {
  /** Begins to watch a worker that is starting; `report` is called after each probe. */
  watch(
    worker: WatchedWorker,
    report: (report: HealthReport) => void,
  ): HealthWatch;
}
