/**
 * What the data plane counts: plain numbers in arrays, nothing allocated for
 * a request.
 *
 * @module
 */

import type { ResponseCount } from "../../plane/contract.ts";
import { LatencyHistogram } from "../../shared/latency_histogram.ts";
import type { ProxyErrorCode } from "./proxy_error.ts";

/** Room for each status a worker may respond with. */
const STATUSES = 1000;

/** How often there was each status. What there was none of costs nobody anything who asks. */
class StatusCounts {
  readonly #counts = new Float64Array(STATUSES);
  /** Those there were, in order. */
  readonly #seen: number[] = [];

  add(status: number): void {
    if (this.#counts[status]!++ === 0) this.#note(status);
  }

  *entries(): Generator<readonly [status: number, count: number]> {
    for (const status of this.#seen) yield [status, this.#counts[status]!];
  }

  #note(status: number): void {
    this.#seen.push(status);
    this.#seen.sort((a, b) => a - b);
  }
}

/** After what a request may be sent again. Shown with 0, so that a query finds them before the first. */
const RETRY_REASONS: readonly ProxyErrorCode[] = [
  "connect-failed",
  "stale-connection",
  "upstream-closed",
  "worker-ended",
  "worker-stopped",
];

/** Counters of all requests, whichever worker had them. */
export class Counters {
  /** Requests responded to, by us or by a worker, or given up. The admin pages' own do not count. */
  requests = 0;
  /** Requests being handled. */
  inFlight = 0;
  /** Requests being handled whose response has not begun. */
  awaitingResponse = 0;
  /** Client connections open. */
  clientConnections = 0;
  /** Durations of all requests. */
  readonly latency: LatencyHistogram = new LatencyHistogram();
  /** Requests by slot and status; status 0 counts those whose client had gone. */
  readonly #bySlot: StatusCounts[] = [];
  /** Requests sent once more, by what had failed. */
  readonly #retries = new Map<ProxyErrorCode, number>(
    RETRY_REASONS.map((reason) => [reason, 0]),
  );
  /** The same for requests that no worker was given. */
  readonly #unassigned = new StatusCounts();
  /** Responses of our own by status. */
  readonly #errors = new StatusCounts();

  /** Counts a finished request of the worker in the slot `workerId`, or of none. */
  record(status: number, durationMs: number, workerId: number | null): void {
    this.requests++;
    const statuses = workerId === null
      ? this.#unassigned
      : this.#bySlot[workerId] ?? this.#addSlot(workerId);
    statuses.add(status);
    this.latency.record(durationMs);
  }

  /** Requests sent once more, to another worker or over another connection. */
  get retries(): number {
    return this.retriesByReason().values().reduce((sum, n) => sum + n, 0);
  }

  /** Counts a request that is sent once more because of `reason`. */
  recordRetry(reason: ProxyErrorCode): void {
    this.#retries.set(reason, (this.#retries.get(reason) ?? 0) + 1);
  }

  /** Requests sent once more by what had failed: what may fail so is there with 0, too. */
  retriesByReason(): ReadonlyMap<string, number> {
    return new Map(this.#retries);
  }

  /** Counts a response that was ours, because no worker's could be had. */
  recordError(status: number): void {
    this.#errors.add(status);
  }

  /** Responses of our own by status; only what there was. */
  errorsByStatus(): ReadonlyMap<number, number> {
    return new Map(this.#errors.entries());
  }

  /** How many requests of which slot had which status; only what there was. */
  *responses(): Generator<ResponseCount> {
    yield* countsOf(this.#unassigned, null);
    for (let id = 0; id < this.#bySlot.length; id++) {
      const statuses = this.#bySlot[id];
      if (statuses !== undefined) yield* countsOf(statuses, id);
    }
  }

  #addSlot(workerId: number): StatusCounts {
    return this.#bySlot[workerId] = new StatusCounts();
  }
}

function* countsOf(
  statuses: StatusCounts,
  workerId: number | null,
): Generator<ResponseCount> {
  for (const [status, count] of statuses.entries()) {
    yield { workerId, status, count };
  }
}
