/**
 * The seam between the planes: all that crosses it, as plain data.
 *
 * Down go commands, and calls that are replied to; up come facts, and figures.
 * Every value could be sent to another thread as it is: no closures, no
 * instances of classes. What carries it is a {@linkcode DataPlane}: `local.ts`
 * does by calls.
 *
 * A leaf: both planes know it, and it knows neither.
 *
 * @module
 */

import type {
  AccessEvent,
  Diagnosis,
  PoolEvent,
  SuspectRequest,
  WaitingRequest,
} from "../events/mod.ts";
import type { HistogramFigures } from "../shared/latency_histogram.ts";
import type { AccessRow } from "../events/access_row.ts";

/**
 * Why the process behind an upstream ended.
 *
 * - `self-inflicted`: it exited, or was ended by a signal of the kind that a
 *   program brings upon itself. A request in flight may be the reason.
 * - `external-signal`: it was ended by somebody else, the kernel included.
 * - `requested`: the pool had asked for it.
 */
export type EndCause = "self-inflicted" | "external-signal" | "requested";

/** How the process behind an upstream ended. */
export interface UpstreamEnd {
  readonly cause: EndCause;
  /** The same as a sentence part: `"exited with code 1"`. */
  readonly description: string;
}

/** Where an upstream is, and whose it is. */
export interface UpstreamAddress {
  /** What both planes call it. No other upstream in the pool's life has the same. */
  readonly key: number;
  /** Slot of the worker behind it, from 0. */
  readonly id: number;
  /** A literal IP address: names are not looked up on the data path. */
  readonly hostname: string;
  readonly port: number;
  /** Which (re)load started the worker, from 1. */
  readonly generation: number;
  /** What clients call it that are tied to it by a cookie: drawn at random, and says nothing of it. @default {drawn by the data plane} */
  readonly name?: string;
  /**
   * Whether it serves one connection at a time: one that is kept idle would
   * keep all others waiting.
   *
   * @default {false}
   */
  readonly serial?: boolean;
  /** The process whose CPU time says whether it computes: the one that listens, as far as that is known, or else the one that was started, which may be a wrapper. */
  readonly pid?: number;
}

/** A certificate and its private key, in PEM. */
export interface Certificate {
  /** The certificate, and after it those that lead to a root. */
  readonly cert: string;
  readonly key: string;
}

/** What the control plane tells the data plane. Carried out in the order in which they are sent. */
export type Command =
  /**
   * Replaces the set. Those in it may be given work from now on, those that
   * were in the old one and are not in this may not.
   */
  | {
    readonly type: "publish";
    /** Counts up with each set: {@linkcode DataPlane.revision} says which one is in force. */
    readonly revision: number;
    readonly upstreams: readonly UpstreamAddress[];
    /** How many there are meant to be: of fewer, others are to come. */
    readonly wanted: number;
    /** Those that are given the requests of clients that are tied to them, or belong to a generation before the published one, and no others. */
    readonly former: readonly UpstreamAddress[];
  }
  /** Gives an upstream up for good: no more work, and idle connections are closed. */
  | { readonly type: "retire"; readonly key: number }
  /** Whether connections to this upstream are kept for the next request; else they end with theirs. */
  | {
    readonly type: "keep-alive";
    readonly key: number;
    readonly kept: boolean;
  }
  /** Nothing will be asked of this upstream any more: its worker is gone. */
  | { readonly type: "forget"; readonly key: number }
  /** A worker hangs: what may be sent again is taken from it, and sent to others. */
  | {
    readonly type: "recall";
    readonly key: number;
    readonly diagnosis: Diagnosis;
  }
  /** Whether somebody wants an `AccessEvent` for each request. */
  | { readonly type: "report-access"; readonly wanted: boolean }
  /** New connections are served with this certificate. */
  | { readonly type: "renew-certificate"; readonly certificate: Certificate }
  /** Cuts everything that is under way. */
  | { readonly type: "abort" };

/** What the control plane asks of the data plane, or wants to be told once it is done. Replies are in {@linkcode Replies}. */
export type Call =
  /** Which request has waited longest for its response. */
  | { readonly type: "oldest-request"; readonly key: number }
  /** Which have waited for `ageMs` or longer: a few at a time, and each only once. */
  | {
    readonly type: "newly-slow-requests";
    readonly key: number;
    readonly ageMs: number;
  }
  /**
   * The process behind an upstream is gone. What it had in flight fails, or is
   * sent to others; what may be the reason is not sent on as others are.
   */
  | { readonly type: "exited"; readonly key: number; readonly end: UpstreamEnd }
  /**
   * Ends what an upstream has in flight: its worker is killed once that is
   * done, and no response may look complete that is not.
   */
  | { readonly type: "cut"; readonly key: number }
  /**
   * Accepts no more, and lets end what only a worker can end: requests, and
   * what may become one. Streams go on. `stop` is to follow.
   */
  | { readonly type: "drain"; readonly timeoutMs: number }
  /** Accepts no more, lets what is under way end, cuts what has not after `timeoutMs`, and ends. */
  | {
    readonly type: "stop";
    readonly timeoutMs: number;
    /** Whether nobody is left who could respond to a request: connections are not kept for one then. */
    readonly workersGone: boolean;
  };

/** What is replied to each {@linkcode Call}, by its type. */
export interface Replies {
  readonly "oldest-request": WaitingRequest | null;
  readonly "newly-slow-requests": readonly WaitingRequest[];
  readonly exited: LossSuspects;
  readonly cut: true;
  /** Comes when nothing but streams is left, or the time is up. */
  readonly drain: true;
  /** Comes when nothing is left. */
  readonly stop: true;
}

/** Requests that may have ended a worker. */
export interface LossSuspects {
  /** The first of them: those without a response before those with part of one, the newest before older ones. */
  readonly suspects: readonly SuspectRequest[];
  /** How many there are. */
  readonly suspectCount: number;
}

/** Nobody. */
export const NO_SUSPECTS: LossSuspects = { suspects: [], suspectCount: 0 };

/** What the data plane reports by itself. */
export type Fact =
  /** A connection was refused: nobody listens there any more. It is given no work until it is published again. */
  | { readonly type: "refused"; readonly key: number }
  /**
   * An upstream that is not given work any more has ended its last exchange.
   * Where a set comes into force later than it is sent, those that had none
   * left by then are reported too: somebody waits for that.
   */
  | { readonly type: "idle"; readonly key: number }
  /** To be emitted. */
  | { readonly type: "event"; readonly event: Exclude<PoolEvent, AccessEvent> }
  /** Requests that are over, in order, where `report-access` asks for them: to be emitted, each as an event. */
  | { readonly type: "access"; readonly rows: readonly AccessRow[] };

/** What is counted of one upstream. */
export interface UpstreamFigures {
  /** Exchanges claimed and not yet released. */
  readonly inFlight: number;
  /** Those of them that are streams: their worker ends them when it is asked to end. */
  readonly streams: number;
  /** Exchanges finished, whatever came of them. */
  readonly requests: number;
  /** Exchanges that failed on this side. */
  readonly failures: number;
  /** Exchanges that were completed, with a status of 500 or above. */
  readonly serverErrors: number;
  /** How long it had all finished exchanges, in milliseconds: not how long they had waited for it, or been with others. */
  readonly latencySumMs: number;
}

/** Of an upstream that has had nothing to do yet. */
export const NO_FIGURES: UpstreamFigures = {
  inFlight: 0,
  streams: 0,
  requests: 0,
  failures: 0,
  serverErrors: 0,
  latencySumMs: 0,
};

/** Requests of one slot that had one status. */
export interface ResponseCount {
  /** Slot of the worker, or `null` when no worker was given the request. */
  readonly workerId: number | null;
  /** 0 when the client had gone. */
  readonly status: number;
  /** How many; never 0. */
  readonly count: number;
}

/** The queue at one moment. */
export interface QueueFigures {
  /** Requests waiting. */
  readonly depth: number;
  /** Requests that may wait. */
  readonly limit: number;
  /** Turned away because the queue was full or the pool is stopping. */
  readonly rejected: number;
  /** Turned away because the wait was too long. */
  readonly timedOut: number;
  /** Requests in flight per worker beyond which requests wait: the setting, or what `auto` has found; 0 is no cap. */
  readonly concurrency: number;
  /** Whether that adapts by itself. */
  readonly adaptive: boolean;
  /** How long those have waited that had to. */
  readonly waits: HistogramFigures;
}

/** The data plane at one moment. */
export interface DataPlaneFigures {
  /** Requests responded to, by us or by a worker, or given up. */
  readonly requests: number;
  /** Requests being handled, those in the queue and streams included. */
  readonly inFlight: number;
  /** Those of them that are streams. */
  readonly streams: number;
  /** Requests sent once more, by what had failed: the `code` of an `ExchangeFailedEvent`. */
  readonly retries: ReadonlyMap<string, number>;
  /** Client connections open. */
  readonly clientConnections: number;
  /** Idle connections to workers. */
  readonly idleUpstreamConnections: number;
  /** By how much the event loop has been late of late, at worst, in milliseconds. */
  readonly eventLoopLagMs: number;
  /** The same of the loop of the control plane: one loop may be both. */
  readonly controlPlaneLagMs: number;
  /** Durations of all requests. */
  readonly latency: HistogramFigures;
  /** How many requests of which slot had which status; only what there was. */
  readonly responses: readonly ResponseCount[];
  /** Responses of our own, by status; only what there was. */
  readonly errors: ReadonlyMap<number, number>;
  readonly queue: QueueFigures;
  /** What is counted of each upstream that is not forgotten, by its key. */
  readonly upstreams: ReadonlyMap<number, UpstreamFigures>;
}

/** A request for one of our own pages that came to the public port. */
export interface AdminRequest {
  readonly method: string;
  /** Target in origin-form. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  /** IP address of the peer. */
  readonly clientAddress: string;
}

/** Who may see our own pages on the public port. */
export interface AdminAccessRules {
  /** Bearer token that opens them from anywhere; `null` when there is none. */
  readonly adminToken: string | null;
  /** Opens them likewise: the secret of this run, for who may read the pool's record. @default {none} */
  readonly adminKey?: string;
  /** CIDRs that may read them. */
  readonly adminAllow: readonly string[];
  /**
   * Whether addresses are what a proxy in front says they are. Then nobody
   * counts as being on this machine: the proxy's word is not enough for that.
   */
  readonly proxyProtocol: boolean;
}

/** Which requests on the public port are for our own pages. */
export interface AdminGate {
  readonly pages: readonly {
    readonly path: string;
    /** Whether everyone may see it. */
    readonly public: boolean;
  }[];
  readonly access: AdminAccessRules;
}

/**
 * Our own pages. The one thing that crosses as a function, and not with the
 * commands but as the data plane is made: what carries the contract to another
 * thread puts messages in its place.
 */
export interface AdminSite {
  readonly gate: AdminGate;
  /** Makes the response to a request that the gate lets in. */
  respond(
    request: AdminRequest,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<Response>;
}

/**
 * The data plane, as the control plane has it.
 *
 * What is sent is carried out in order, and what is read may be a moment old:
 * whoever must know that a set is in force looks at {@linkcode revision}.
 */
export interface DataPlane {
  /** The revision of the set in force: requests are claimed of none older. */
  readonly revision: number;
  /** Tells the data plane something. */
  send(command: Command): void;
  /**
   * Asks the data plane something. Never rejects: `null` when no reply comes
   * in time, or the data plane has gone.
   */
  ask<C extends Call>(call: C): Promise<Replies[C["type"]] | null>;
  /** What is counted of an upstream: nothing of one that was never published, or is forgotten. */
  figuresOf(key: number): UpstreamFigures;
  /** Has what is counted by now known here; for who must not show what was a moment ago. Never rejects. */
  refresh(): Promise<void>;
  /** All that is counted, put together for whoever asks. */
  figures(): DataPlaneFigures;
  /** Calls `listener` with each fact, in order; the returned function ends it. */
  subscribe(listener: (fact: Fact) => void): () => void;
}
