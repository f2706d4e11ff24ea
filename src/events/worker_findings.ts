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
 * - `well`: it responds, and nothing waits for long.
 * - `slow-request`: it responds, and has had a request for long. That is the
 *   application's affair.
 * - `failing`: it responds, but not as a healthy worker does, or refuses.
 * - `blocked`: it does not respond and computes: its event loop is blocked.
 * - `stopped`: it does not respond: it has been stopped by a signal or a debugger.
 * - `stuck`: it does not respond and sleeps: a deadlock, or a wait for something
 *   that does not come.
 * - `unknown`: it does not respond, and its process cannot be looked at.
 * - `starting`: it has never been ready, and computes: it is not there yet.
 * - `displaced`: another program listens on its port and receives what is meant
 *   for it.
 */
export type Diagnosis =
  | "well"
  | "slow-request"
  | "failing"
  | "blocked"
  | "stopped"
  | "stuck"
  | "unknown"
  | "starting"
  | "displaced";

/**
 * What keeps a worker from being ready for the first time.
 *
 * - `elsewhere`: it listens, but not where it was told.
 * - `not-listening`: it does not listen anywhere.
 * - `status`: it responds, but not as a healthy worker does.
 * - `protocol`: what it says is no HTTP response.
 * - `silent`: it accepts connections and does not respond.
 */
export type StartupObstacle =
  | "elsewhere"
  | "not-listening"
  | "status"
  | "protocol"
  | "silent";

/** A socket on which a worker listens that it was not told to listen on. */
export interface ElsewhereSocket {
  /** A literal IP address; `0.0.0.0` and `::` are all addresses. */
  readonly address: string;
  /** Its port. */
  readonly port: number;
  /** The process that has it. */
  readonly pid: number;
  /** That process' parent. */
  readonly parent: number;
  /** That process' name, 15 characters at most. */
  readonly name: string;
}

/** What was found out about a worker that has never been ready. */
export interface StartupFindings {
  /** What keeps it from being ready. */
  readonly obstacle: StartupObstacle;
  /** How long that has been so, in milliseconds. */
  readonly standingMs: number;
  /** Whether that is long enough to be reported. */
  readonly reported: boolean;
  /** What was seen and what was expected, as a sentence part. */
  readonly reason: string;
  /** What to do about it; `null` where that is not known. */
  readonly remedy: string | null;
  /** Where it listens instead; empty when it does not, or when that cannot be seen. */
  readonly elsewhere: readonly ElsewhereSocket[];
  /** Whether the program that listens elsewhere takes a port from its environment: it may yet listen there. */
  readonly readsPort: boolean;
  /** Whether its processes keep a CPU busy. */
  readonly computing: boolean;
  /** CPU time they used, per time that passed; `null` when it is not known. */
  readonly cpuRatio: number | null;
}

/** A request that waits for its response. */
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
  /** What the last probe saw, as a sentence part: `"no response within 2000 ms"`. */
  readonly reason: string;
  /** Probes in a row that have failed. */
  readonly failures: number;
  /** What the matter is. */
  readonly diagnosis: Diagnosis;
  /** CPU time its processes used, per time that passed: 1 is one CPU kept busy. `null` when it is not known. */
  readonly cpuRatio: number | null;
  /** The request that has waited for its response longest, or `null` when none waits: what it may hang on. */
  readonly oldestRequest: WaitingRequest | null;
}
