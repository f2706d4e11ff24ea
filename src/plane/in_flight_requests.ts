/**
 * What the control plane asks of the requests that a worker has in flight, and
 * what it has done with them: a part of the data plane.
 *
 * @module
 */

import type {
  Diagnosis,
  SuspectRequest,
  WaitingRequest,
} from "../events/mod.ts";
import type { Clock } from "../proxy/core/link.ts";
import {
  type LossRecord,
  MAX_LOSSES,
  type Suspects,
} from "../proxy/core/suspects.ts";
import type { InFlightExchange } from "../upstream/in_flight.ts";
import type { Loss } from "../upstream/suspicion.ts";
import type { Upstream } from "../upstream/upstream.ts";
import {
  type LossSuspects,
  NO_SUSPECTS,
  type UpstreamEnd,
} from "./contract.ts";

/** Slow requests told of one worker at a look: where all are slow, not all need a line. */
const MAX_SLOW_AT_ONCE = 5;

/**
 * How long a worker must have had a request for its end by a signal from
 * outside to be the request's fault, in milliseconds. To fill the memory takes
 * longer; whoever kills all workers at once strikes the next within this.
 */
const FATAL_MS = 100;

/** Suspects named of one worker that has ended, or remembered of one that hangs: of hundreds, any may be the one, and no list helps. */
const MAX_SUSPECTS = 10;

/** What a worker may be found to be that does not respond at all. */
const SILENT: readonly Diagnosis[] = ["blocked", "stopped", "stuck", "unknown"];

/** Looks through what upstreams have in flight, and blames requests for what becomes of workers. */
export class InFlightRequests {
  readonly #suspects: Suspects;
  readonly #clock: Clock;
  readonly #told = new WeakSet<InFlightExchange>();

  /** Tells `suspects` of the requests that cost workers. */
  constructor(suspects: Suspects, clock: Clock) {
    this.#suspects = suspects;
    this.#clock = clock;
  }

  /** The request that has waited longest for the worker, or `null`. */
  oldest(upstream: Upstream): WaitingRequest | null {
    const [oldest] = oldestFirst(waitingFor(upstream));
    return oldest === undefined ? null : describe(oldest, this.#clock.now());
  }

  /** Requests that have waited for the worker for `ageMs` or longer, a few at a time and each only once. */
  newlySlow(upstream: Upstream, ageMs: number): readonly WaitingRequest[] {
    const latest = this.#clock.now() - ageMs;
    const slow = oldestFirst(waitingFor(upstream))
      .filter((exchange) => exchange.request.startedAt <= latest)
      .filter((exchange) => !this.#told.has(exchange))
      .slice(0, MAX_SLOW_AT_ONCE);
    for (const exchange of slow) this.#told.add(exchange);
    return slow.map((exchange) => describe(exchange, this.#clock.now()));
  }

  /**
   * Takes from a worker that hangs what may be sent again, and sends it to
   * others. Any of it may be the reason: the first may only have been waiting
   * for something as a later one began to compute. So each is sent once more
   * at most, as one that may have ended its worker: else it would go on to
   * hang one after the other. What a worker that computes was given first stays.
   * A worker that responds, well or not, keeps what it has.
   */
  recall(upstream: Upstream, diagnosis: Diagnosis): void {
    if (!SILENT.includes(diagnosis)) return;
    const waiting = waitingFor(upstream);
    const loss = note(waiting, { sparesLast: false });
    // No more than a guess: it is taken back when a request gets a response.
    this.#record(waiting.slice(0, MAX_SUSPECTS), { refutable: true, loss });
    if (diagnosis === "blocked") waiting[0]?.retries.disableRetry();
    for (const exchange of waiting) exchange.retryElsewhere();
  }

  /**
   * Takes note that a worker's process is gone, with what it had in flight.
   * What may be the reason is not sent on as others are, and is named.
   *
   * To be called before anybody else is told.
   */
  lose(upstream: Upstream, { cause }: UpstreamEnd): LossSuspects {
    if (cause === "requested") return NO_SUSPECTS;
    // What it was given last comes first, and what has no response before what
    // has: most that end a worker do so at once.
    const lost = [...upstream.exchanges].filter(({ sent }) => sent).reverse()
      .sort((a, b) => Number(a.responded) - Number(b.responded));
    const known = lost.filter((exchange) => this.#isKnown(exchange));
    const others = lost.filter((exchange) => !known.includes(exchange));
    const own = cause === "self-inflicted";
    if (own) this.#blameForExit(known, others);
    else if (lost.length === 1 && hadLong(lost[0]!, this.#clock.now())) {
      // The kernel may have killed it for what this one request takes. Of
      // several, nobody knows: whoever kills workers has the rest replayed.
      note(lost, { sparesLast: false });
    } else return NO_SUSPECTS;
    this.#convict(lost, { refutable: !own || lost.length > 1 });
    return {
      suspects: [...known, ...others].slice(0, MAX_SUSPECTS)
        .map((exchange) => this.#suspect(exchange)),
      suspectCount: lost.length,
    };
  }

  /** Where one is `known` to end workers, the `others` are sent once more all the same, and wherever that may be. */
  #blameForExit(
    known: readonly InFlightExchange[],
    others: readonly InFlightExchange[],
  ): void {
    if (known.length > 0) {
      this.#blame(known, { sparesLast: true, refutable: others.length > 0 });
      note(others, { sparesLast: false });
    } else {
      this.#blame(others, { sparesLast: true, refutable: others.length > 1 });
    }
  }

  #isKnown({ request }: InFlightExchange): boolean {
    return this.#suspects.size > 0 &&
      this.#suspects.deadly(request.describe(), this.#clock.now());
  }

  #blame(
    exchanges: readonly InFlightExchange[],
    how: { readonly sparesLast: boolean; readonly refutable: boolean },
  ): void {
    const loss = note(exchanges, how);
    this.#record(exchanges, { ...how, loss });
  }

  #record(
    exchanges: readonly InFlightExchange[],
    how: Omit<LossRecord, "at">,
  ): void {
    this.#suspects.record(
      exchanges.map(({ request }) => request.describe()),
      { ...how, at: this.#clock.now() },
    );
  }

  /** The one that was with two workers as they ended, and no other was, is what has ended both: those beside it have had no part in it. */
  #convict(
    lost: readonly InFlightExchange[],
    how: Pick<LossRecord, "refutable">,
  ): void {
    const again = lost.filter(({ retries }) => retries.losses >= MAX_LOSSES);
    if (again.length !== 1) return;
    again[0]!.retries.convict();
    for (let known = 0; known < MAX_LOSSES; known++) {
      this.#record(again, how);
    }
  }

  #suspect({ request }: InFlightExchange): SuspectRequest {
    const now = this.#clock.now();
    const line = request.describe();
    return {
      requestId: request.id,
      ...line,
      ageMs: now - request.startedAt,
      losses: Math.max(1, this.#suspects.losses(line, now)),
    };
  }
}

/** Ends what a worker has that is about to be killed, so that no response looks complete which is not. */
export function cut(upstream: Upstream): void {
  upstream.doomed = true;
  for (const exchange of [...upstream.exchanges]) exchange.cut();
}

/** How many of the requests it has in flight are streams. */
export function streamsOf({ exchanges }: Upstream): number {
  let streams = 0;
  for (const { stream } of exchanges) if (stream) streams++;
  return streams;
}

/** Has all of these be suspected of the same loss; returns it. */
function note(
  exchanges: readonly InFlightExchange[],
  how: { readonly sparesLast: boolean },
): Loss {
  const loss = { solved: false };
  for (const { retries } of exchanges) retries.noteLoss(loss, how);
  return loss;
}

/** Those that have no response yet, in the order in which the worker was given them. */
function waitingFor({ exchanges }: Upstream): readonly InFlightExchange[] {
  return [...exchanges].filter(({ responded }) => !responded);
}

/** By when they came: some have been with another worker before. */
function oldestFirst(
  exchanges: readonly InFlightExchange[],
): readonly InFlightExchange[] {
  return exchanges.toSorted((a, b) =>
    a.request.startedAt - b.request.startedAt
  );
}

function hadLong({ request }: InFlightExchange, now: number): boolean {
  return now - request.givenAt >= FATAL_MS;
}

function describe(
  { request }: InFlightExchange,
  now: number,
): WaitingRequest {
  const { method, target } = request.describe();
  return {
    requestId: request.id,
    method,
    path: target.split("?", 1)[0]!,
    ageMs: now - request.startedAt,
  };
}
