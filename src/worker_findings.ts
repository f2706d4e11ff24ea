/**
 * What can be told of a worker from outside: whether it is well, what is the
 * matter if it is not, and which request may have to do with it.
 *
 * Types alone: known to those who look, to those who decide, and to the events.
 *
 * @module
 */

/**
 * What the matter is with a worker, as far as it can be told from outside.
 *
 * - `well`: it answers, and nothing waits for long.
 * - `slow-request`: it answers, and has had a request for long. That is the
 *   application's affair.
 * - `failing`: it answers, but not as a healthy worker does, or refuses.
 * - `blocked`: it does not answer and computes: its event loop is blocked.
 * - `stopped`: it does not answer: it has been stopped by a signal or a debugger.
 * - `stuck`: it does not answer and sleeps: a deadlock, or a wait for something
 *   that does not come.
 * - `unknown`: it does not answer, and its process cannot be looked at.
 */
export type Diagnosis =
  | "well"
  | "slow-request"
  | "failing"
  | "blocked"
  | "stopped"
  | "stuck"
  | "unknown";

/** A request that waits for its answer. */
export interface WaitingRequest {
  /** Its id, as in `X-Request-Id`. */
  readonly requestId: string;
  /** Request method. */
  readonly method: string;
  /** Request target without its query, which may hold secrets. */
  readonly path: string;
  /** Milliseconds since its head was read. */
  readonly ageMs: number;
}

/** A request that was in flight when its worker's process ended, and may be the reason. */
export interface SuspectRequest {
  /** Its id, as in `X-Request-Id`. */
  readonly requestId: string;
  /** Request method. */
  readonly method: string;
  /** Request target, as sent, query included: that may be what matters. */
  readonly target: string;
  /** Milliseconds since its head was read. */
  readonly ageMs: number;
  /** Workers lost of late with its method and path in flight, this one included; not counted beyond 2, from which on it is not sent again. */
  readonly losses: number;
}

/** What was found out about a worker. */
export interface WorkerFindings {
  /** What the last probe saw, as a sentence part: `"no answer within 2000 ms"`. */
  readonly reason: string;
  /** Probes in a row that have failed. */
  readonly failures: number;
  /** What the matter is. */
  readonly diagnosis: Diagnosis;
  /** CPU time its processes used, per time that passed: 1 is one CPU kept busy. `null` when it is not known. */
  readonly cpuRatio: number | null;
  /** The request that has waited for its answer longest, or `null` when none waits: what it may hang on. */
  readonly oldestRequest: WaitingRequest | null;
}
