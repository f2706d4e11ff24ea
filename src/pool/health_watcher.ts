/**
 * What the pool wants of whoever watches the workers' health. The pool is
 * handed an implementation, and knows nothing of how a worker is probed.
 *
 * @module
 */

import type {
  ElsewhereSocket,
  StartupFindings,
  WorkerFindings,
} from "../events/worker_findings.ts";

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
  /** Which (re)load has started it. */
  readonly generation: number;
  /** What the data plane calls it. */
  readonly upstream: number;
  /** Its process, which leads a group of its own. */
  readonly pid: number;
  /** What all processes of the pool's workers have in their environment, as `NAME=value`; `null` when they have nothing. */
  readonly mark: string | null;
  /**
   * Whether its output has said that another program has its port. Asked where
   * the owner of the port cannot be seen.
   *
   * @default {never}
   */
  readonly lostPort?: () => boolean;
  /**
   * Whether a worker that responds may listen as it does; shown all its
   * sockets that listen, where these can be seen.
   *
   * @default {anywhere}
   */
  readonly accepts?: (sockets: readonly ElsewhereSocket[]) => boolean;
}

/**
 * Whether a worker can be reached at all, whatever it responds: the last probe
 * got a response; it got none; or as many in a row got none as make a worker
 * unhealthy.
 */
export type Reach = "responding" | "doubtful" | "unreachable";

/** What the probes of one worker amount to, after each of them. */
export interface HealthReport extends WorkerFindings {
  /** Whether it is well, by the thresholds; `null` until the first good response. */
  readonly healthy: boolean | null;
  /** The address at which it is reached: another than it was told where it listens there alone. */
  readonly hostname: string;
  /**
   * Whether it serves one connection at a time.
   *
   * @default {false}
   */
  readonly serial?: boolean;
  /**
   * The process that listens, where that can be seen and is one: behind a
   * wrapper it is not the one that was started.
   *
   * @default {null}
   */
  readonly listener?: number | null;
  /** What keeps it from being ready for the first time; `null` when it has been, or it is too early to say. */
  readonly startup: StartupFindings | null;
  /** Whether it can be reached. */
  readonly reach: Reach;
}

/** The watch over one worker. */
export interface HealthWatch {
  /** Somebody saw the worker refuse a connection: probe at once, and often until it responds. */
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
  /** Lets go of what all watches share, once they have been stopped. @default {there is nothing} */
  close?(): Promise<void>;
}
