/**
 * What the pool wants of whoever watches the workers' health. The pool is
 * handed an implementation, and knows nothing of how a worker is probed.
 *
 * @module
 */

/** Where a worker is to be probed. */
export interface ProbeTarget {
  /** A literal IP address. */
  readonly hostname: string;
  /** The port it listens on. */
  readonly port: number;
}

/** What the probes of one worker amount to, after each of them. */
export interface HealthReport {
  /** Whether it is well, by the thresholds; `null` until the first good answer. */
  readonly healthy: boolean | null;
  /** Failures in a row up to now; 0 after a good answer. */
  readonly failures: number;
  /** What the last probe saw, as a sentence part: `"no answer within 2000 ms"`. */
  readonly reason: string;
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
    target: ProbeTarget,
    report: (report: HealthReport) => void,
  ): HealthWatch;
}
