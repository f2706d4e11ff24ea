/**
 * The requests that wait for an answer, by the worker they wait for.
 *
 * Nothing is kept account of for it while requests come and go: whoever asks
 * has every connection looked at, which is some tens of microseconds for ten
 * thousand of them.
 *
 * @module
 */

import type { Diagnosis, WaitingRequest, WorkerFindings } from "../events.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ClientConnection } from "./connection.ts";
import type { Exchange } from "./exchange.ts";
import { ProxyError } from "./proxy_error.ts";

/** Slow requests told of one worker at a look: where all are slow, not all need a line. */
const MAX_SLOW_AT_ONCE = 5;

/** What a worker may be found to be that does not answer at all. */
const SILENT: readonly Diagnosis[] = ["blocked", "stopped", "stuck", "unknown"];

/** How many requests there are. */
export interface InFlightCount {
  /** Those that are waited for. */
  readonly requests: number;
  /** Those that go on until somebody ends them. */
  readonly streams: number;
}

/** Finds requests by their worker, which is named by its port. */
export class InFlight {
  readonly #connections: Iterable<ClientConnection>;
  readonly #told = new WeakSet<Exchange>();

  /** Looks at `connections`, as they are at the time. */
  constructor(connections: Iterable<ClientConnection>) {
    this.#connections = connections;
  }

  /** The request that has waited longest for the worker, or `null`. */
  oldest(port: number): WaitingRequest | null {
    const [oldest] = this.#waitingFor(port);
    return oldest === undefined ? null : describe(oldest);
  }

  /** Requests that have waited for the worker for `ageMs` or longer, a few at a time and each only once. */
  newlySlow(port: number, ageMs: number): readonly WaitingRequest[] {
    const latest = performance.now() - ageMs;
    const slow = this.#waitingFor(port)
      .filter((exchange) => exchange.request.startedAt <= latest)
      .filter((exchange) => !this.#told.has(exchange))
      .slice(0, MAX_SLOW_AT_ONCE);
    for (const exchange of slow) this.#told.add(exchange);
    return slow.map(describe);
  }

  /**
   * Takes from a worker that hangs what may be sent again, and sends it to
   * others. Not what has probably hung it, by computing, or after it has been
   * with another worker before: that would go on to hang one after the other.
   * A worker that answers, well or not, keeps what it has.
   */
  recall(port: number, { diagnosis }: WorkerFindings): void {
    if (!SILENT.includes(diagnosis)) return;
    const waiting = this.#waitingFor(port);
    for (const exchange of waiting) {
      const suspected = exchange === waiting[0] && diagnosis !== "stopped";
      const sentBefore = exchange.request.avoid !== null;
      if (suspected && (diagnosis === "blocked" || sentBefore)) {
        exchange.hold();
      } else exchange.sendElsewhere();
    }
  }

  /** How many requests there are, those that are streams apart; with `upstream`, its own alone. */
  count(upstream?: Upstream): InFlightCount {
    let requests = 0;
    let streams = 0;
    for (const { exchange } of this.#connections) {
      if (exchange === null) continue;
      if (upstream !== undefined && exchange.upstream !== upstream) continue;
      if (exchange.stream) streams++;
      else requests++;
    }
    return { requests, streams };
  }

  /** Ends what a worker has that is about to be killed, so that no answer looks complete which is not. */
  cut(upstream: Upstream): void {
    for (const { exchange } of this.#connections) {
      if (exchange?.upstream === upstream) {
        exchange.fail(new ProxyError("upstream-closed"));
      }
    }
  }

  /** The oldest first. */
  #waitingFor(port: number): readonly Exchange[] {
    const waiting: Exchange[] = [];
    for (const { exchange } of this.#connections) {
      if (
        exchange !== null && exchange.upstream?.port === port &&
        !exchange.responded
      ) waiting.push(exchange);
    }
    return waiting.sort((a, b) => a.request.startedAt - b.request.startedAt);
  }
}

function describe({ request }: Exchange): WaitingRequest {
  const { method, target } = request.describe();
  return {
    requestId: request.id,
    method,
    path: target.split("?", 1)[0]!,
    ageMs: performance.now() - request.startedAt,
  };
}
