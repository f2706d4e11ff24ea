/**
 * The requests that are with a worker, by which worker that is.
 *
 * Nothing is kept account of for it while requests come and go: whoever asks
 * has every connection looked at, which is some tens of microseconds for ten
 * thousand of them.
 *
 * @module
 */

import type {
  Diagnosis,
  SuspectRequest,
  WaitingRequest,
  WorkerFindings,
} from "../events.ts";
import type { Upstream, UpstreamEnd } from "../upstream/upstream.ts";
import type { ClientSession } from "./core/client_session.ts";
import type { Exchange } from "./core/exchange.ts";
import { ProxyError } from "./core/proxy_error.ts";
import { MAX_LOSSES, type Suspects } from "./core/suspects.ts";

/** Slow requests told of one worker at a look: where all are slow, not all need a line. */
const MAX_SLOW_AT_ONCE = 5;

/**
 * How long a worker must have had a request for its end by a signal from
 * outside to be the request's fault, in milliseconds. To fill the memory takes
 * longer; whoever kills all workers at once strikes the next within this.
 */
const FATAL_MS = 100;

/** Suspects named of one worker that has ended: of hundreds, any may be the one, and no list helps. */
const MAX_SUSPECTS_NAMED = 10;

/** Requests that may have ended a worker. */
export interface LossSuspects {
  /** The first of them: those without an answer before those with part of one, the newest before older ones. */
  readonly suspects: readonly SuspectRequest[];
  /** How many there are. */
  readonly suspectCount: number;
}

/** Nobody. */
const NO_SUSPECTS: LossSuspects = { suspects: [], suspectCount: 0 };

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
  readonly #sessions: () => Iterable<ClientSession>;
  readonly #suspects: Suspects;
  readonly #told = new WeakSet<Exchange>();

  /** Looks at `sessions`, as they are at the time, and tells `suspects` of those that cost workers. */
  constructor(sessions: () => Iterable<ClientSession>, suspects: Suspects) {
    this.#sessions = sessions;
    this.#suspects = suspects;
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
   * others. Not what has hung it by computing, and what may have hung it
   * otherwise only as a request is that may have ended its worker: else it
   * would go on to hang one after the other.
   * A worker that answers, well or not, keeps what it has.
   */
  recall(port: number, { diagnosis }: WorkerFindings): void {
    if (!SILENT.includes(diagnosis)) return;
    const waiting = this.#waitingFor(port);
    const [oldest] = waiting;
    if (oldest !== undefined && diagnosis !== "stopped") {
      // No more than a guess: it is taken back when the request is answered.
      this.#blame([oldest], { sparesLast: false, refutable: true });
      if (diagnosis === "blocked") oldest.retries.hold();
    }
    for (const exchange of waiting) exchange.sendElsewhere();
  }

  /**
   * Takes note that a worker's process is gone, with what it had in flight.
   * What may be the reason is not sent on as others are, and is named.
   *
   * To be called before anybody else is told.
   */
  lose(upstream: Upstream, { cause }: UpstreamEnd): LossSuspects {
    if (cause === "requested") return NO_SUSPECTS;
    const lost = this.#exchanges((exchange) =>
      exchange.upstream === upstream && exchange.sent
    ).sort((a, b) =>
      Number(a.responded) - Number(b.responded) ||
      b.request.startedAt - a.request.startedAt
    );
    const known = lost.filter((exchange) => this.#isKnown(exchange));
    const others = lost.filter((exchange) => !known.includes(exchange));
    if (cause === "self-inflicted") {
      this.#blameForExit(known, others);
    } else if (lost.length === 1 && hadLong(lost[0]!)) {
      // The kernel may have killed it for what this one request takes. Of
      // several, nobody knows: whoever kills workers has the rest replayed.
      this.#blameForKill(lost[0]!);
    } else return NO_SUSPECTS;
    return {
      suspects: [...known, ...others].slice(0, MAX_SUSPECTS_NAMED)
        .map((exchange) => this.#suspect(exchange)),
      suspectCount: lost.length,
    };
  }

  /** Where one is `known` to end workers, the `others` are sent once more all the same, and wherever that may be. */
  #blameForExit(
    known: readonly Exchange[],
    others: readonly Exchange[],
  ): void {
    if (known.length > 0) {
      this.#blame(known, { sparesLast: true, refutable: others.length > 0 });
      for (const { retries } of others) retries.noteLoss({ sparesLast: false });
    } else {
      this.#blame(others, { sparesLast: true, refutable: others.length > 1 });
    }
  }

  #isKnown({ request }: Exchange): boolean {
    return this.#suspects.size > 0 &&
      this.#suspects.deadly(request.describe(), performance.now());
  }

  #blame(
    exchanges: readonly Exchange[],
    how: { readonly sparesLast: boolean; readonly refutable: boolean },
  ): void {
    for (const exchange of exchanges) exchange.retries.noteLoss(how);
    this.#suspects.record(
      exchanges.map(({ request }) => request.describe()),
      { at: performance.now(), refutable: how.refutable },
    );
  }

  /** One kill is chance, whatever was in flight; the same request with two workers, probably not. */
  #blameForKill(exchange: Exchange): void {
    const losses = exchange.retries.noteLoss({ sparesLast: false });
    const line = exchange.request.describe();
    const at = performance.now();
    if (losses < MAX_LOSSES && !this.#suspects.deadly(line, at)) return;
    for (let known = 0; known < MAX_LOSSES; known++) {
      this.#suspects.record([line], { at, refutable: true });
    }
  }

  #suspect({ request }: Exchange): SuspectRequest {
    const now = performance.now();
    const line = request.describe();
    return {
      requestId: request.id,
      ...line,
      ageMs: now - request.startedAt,
      losses: Math.max(1, this.#suspects.losses(line, now)),
    };
  }

  #exchanges(wanted: (exchange: Exchange) => boolean): Exchange[] {
    const exchanges: Exchange[] = [];
    for (const { exchange } of this.#sessions()) {
      if (exchange !== null && wanted(exchange)) exchanges.push(exchange);
    }
    return exchanges;
  }

  /** How many requests there are, those that are streams apart; with `upstream`, its own alone. */
  count(upstream?: Upstream): InFlightCount {
    let requests = 0;
    let streams = 0;
    for (const { exchange } of this.#sessions()) {
      if (exchange === null) continue;
      if (upstream !== undefined && exchange.upstream !== upstream) continue;
      if (exchange.stream) streams++;
      else requests++;
    }
    return { requests, streams };
  }

  /** Ends what a worker has that is about to be killed, so that no answer looks complete which is not. */
  cut(upstream: Upstream): void {
    for (const { exchange } of this.#sessions()) {
      if (exchange?.upstream === upstream) {
        exchange.fail(new ProxyError("upstream-closed"));
      }
    }
  }

  /** The oldest first. */
  #waitingFor(port: number): readonly Exchange[] {
    return this.#exchanges((exchange) =>
      exchange.upstream?.port === port && !exchange.responded
    ).sort((a, b) => a.request.startedAt - b.request.startedAt);
  }
}

function hadLong({ retries }: Exchange): boolean {
  return performance.now() - retries.sentAt >= FATAL_MS;
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
