/**
 * What happens to the pool and to requests, as typed values; and all there is.
 *
 * @module
 */

import type { ReloadEvent } from "./reload_events.ts";
import type { WorkerEvent } from "./worker_events.ts";
import type { WaitingRequest } from "./worker_findings.ts";

/** What the pool as a whole is doing. */
export type ServingState = "starting" | "serving" | "draining" | "stopped";

/** What drives connections: Linux' epoll, in a thread of its own, or the sockets of the runtime. */
export type TransportName = "epoll" | "deno";

/** A worker port is held by another program and was passed over; or a row of them, which other pools have. */
export interface PortSkippedEvent {
  /** Which event this is. */
  readonly type: "port-skipped";
  /** Its port; of a row, the first. */
  readonly port: number;
  /** The last of a row; of one port that port. */
  readonly lastPort: number;
  /** Who holds it, where that can be known: `"nginx (pid 812)"`, else `null`. */
  readonly holder: string | null;
}

/** Why the wanted number of workers is changed, or not. */
export interface ScalingGrounds {
  /** Workers the rule asks for, whatever the limits. */
  readonly needed: number;
  /** The rule that asks: `"rate"`, `"queue"`, `"idle"`, or `"command"` for somebody's. */
  readonly reason: string;
  /**
   * The rule that keeps it from being what was asked for: `"max-workers"`,
   * `"cpus"`, `"memory"`, `"min-workers"`, `"half"`, `"interval"`,
   * `"next-sample"`, `"down-delay"` or `"panic"`; `null` when nothing does.
   */
  readonly limitedBy: string | null;
  /** Which window decides: the long one, or the short one in a burst; `null` for a command. */
  readonly mode: "stable" | "panic" | null;
  /** The figures it rests on. */
  readonly inputs: Readonly<Record<string, number>>;
  /**
   * When the pool may grow next, as milliseconds since the Unix epoch; a burst
   * is answered before that. `null` when it is as large as it may be.
   */
  readonly mayGrowAt: number | null;
  /** When it may shrink next, as milliseconds since the Unix epoch; `null` when it is as small as it may be. */
  readonly mayShrinkAt: number | null;
}

/** The wanted number of workers changed. */
export interface PoolScaledEvent extends ScalingGrounds {
  /** Which event this is. */
  readonly type: "pool-scaled";
  /** When, as milliseconds since the Unix epoch. */
  readonly at: number;
  /** What it was before. */
  readonly from: number;
  /** What it is now. */
  readonly to: number;
}

/** Another number of workers is asked for and held back. Told once for each pair of rules. */
export interface ScalingHeldEvent extends ScalingGrounds {
  /** Which event this is. */
  readonly type: "scaling-held";
  /** When, as milliseconds since the Unix epoch. */
  readonly at: number;
  /** Workers wanted, as before. */
  readonly workers: number;
}

/**
 * Most workers fail their probes together, and respond: the cause is hardly in
 * them. All stay in rotation and none is replaced for it; or that is over.
 */
export interface PanicEvent {
  /** Which event this is. */
  readonly type: "panic-entered" | "panic-left";
  /** Workers that fail their probes, and respond. */
  readonly failing: number;
  /** Workers that can be reached, these included. */
  readonly workers: number;
  /** What a probe of one that fails has last seen: `"responded with 503"`; `null` when none fails. */
  readonly reason: string | null;
  /** How long it has lasted, in milliseconds; 0 as it begins. */
  readonly durationMs: number;
}

/** The pool as a whole changed what it is doing. */
export interface StateChangedEvent {
  /** Which event this is. */
  readonly type: "state-changed";
  /** What it was before. */
  readonly from: ServingState;
  /** What it is now. */
  readonly to: ServingState;
}

/** The pool is stopping, and waits. Told at first and as it changes, each time after twice as long. */
export interface StopWaitingEvent {
  /** Which event this is. */
  readonly type: "stop-waiting";
  /** Requests that still wait for a response. */
  readonly requests: number;
  /** Streams, which end when their workers are asked to. */
  readonly streams: number;
  /** Workers that have been asked to end and have not; 0 while requests are waited for. */
  readonly workers: number;
}

/** The balancer accepts connections at this address. */
export interface ListeningEvent {
  /** Which event this is. */
  readonly type: "listening";
  /** The address, or `unix:/path`. */
  readonly hostname: string;
  /** The port; 0 with a unix socket. */
  readonly port: number;
  /** Whether clients or the admin pages are served there. */
  readonly role: "public" | "admin";
  /** Whether TLS is spoken there. */
  readonly tls: boolean;
  /** What drives the connections there. */
  readonly transport: TransportName;
}

/** No more connections are accepted for the moment, or accepting goes on. */
export interface AcceptPausedEvent {
  /** Which event this is. */
  readonly type: "accept-paused" | "accept-resumed";
  /** Why, as a sentence part. */
  readonly reason: "descriptors" | "max-connections";
}

/** A request could not be served as asked; the client got `status`, or saw its connection cut (0). */
export interface ExchangeFailedEvent {
  /** Which event this is. */
  readonly type: "exchange-failed";
  /** The id of the request, as in `X-Request-Id`. */
  readonly requestId: string;
  /** The worker concerned, or `null` when none had been chosen. */
  readonly workerId: number | null;
  /** Status that the client got; 0 when the response had begun and was cut. */
  readonly status: number;
  /** Which side failed. */
  readonly source: "downstream" | "upstream" | "internal";
  /** Request method. */
  readonly method: string;
  /** Request target, as sent. */
  readonly target: string;
  /** What happened, in a word: `"response-timeout"`. */
  readonly code: string;
  /** What happened, as the client was told. */
  readonly message: string;
  /** What else is known of it, as a sentence part, or `null`: `"exited with code 1"`. */
  readonly note: string | null;
  /** The setting that bounds what was exceeded, or `null` when none does: `"REQUEST_TIMEOUT_MS"`. */
  readonly setting: string | null;
  /** How often the request was sent to a worker, in vain. */
  readonly attempts: number;
}

/**
 * A request has waited for its response for SLOW_REQUEST_MS and goes on waiting,
 * while its worker responds to its probes. Nothing is done about it.
 */
export interface RequestSlowEvent extends WaitingRequest {
  /** Which event this is. */
  readonly type: "request-slow";
  /** Slot of the worker that has it, from 0. */
  readonly workerId: number;
}

/** One finished request; emitted only while somebody subscribes with `access: true`. */
export interface AccessEvent {
  /** Which event this is. */
  readonly type: "access";
  /** When it was over, as milliseconds since the Unix epoch. */
  readonly at: number;
  /** The id of the request, as in `X-Request-Id`. */
  readonly requestId: string;
  /** IP address of the peer. */
  readonly clientAddress: string;
  /** Request method; `-` where the request began with no line that could be understood. */
  readonly method: string;
  /** Request target, as sent; `-` as with the method. */
  readonly target: string;
  /** How it ended. */
  readonly status: number;
  /** The worker that responded, or `null` for a response of the balancer's own. */
  readonly workerId: number | null;
  /** Body bytes sent to the client. */
  readonly bytesOut: number;
  /** From the head read to the response written, in milliseconds. */
  readonly durationMs: number;
  /** What the client speaks. */
  readonly protocol: "HTTP/1.0" | "HTTP/1.1";
  /** The field `Referer`, or `null`. */
  readonly referer: string | null;
  /** The field `User-Agent`, or `null`. */
  readonly userAgent: string | null;
  /** The trace that the worker was told of (`traceparent`), or `null` when of none. */
  readonly traceId: string | null;
  /** Times it was sent to a worker. */
  readonly attempts: number;
  /** How long it waited for a worker that is free, in milliseconds. */
  readonly queueWaitMs: number;
  /** From its being given to the worker that responded to the head of the response, in milliseconds; `null` when none came. */
  readonly upstreamMs: number | null;
}

/** Something a person should know that fits no other event. */
export interface NoticeEvent {
  /** Which event this is. */
  readonly type: "notice";
  /** How much it matters. */
  readonly level: "info" | "warning" | "error";
  /** A whole sentence. */
  readonly message: string;
}

/** Anything that happens in a pool. Discriminated by `type`. */
export type PoolEvent =
  | WorkerEvent
  | PortSkippedEvent
  | PoolScaledEvent
  | ReloadEvent
  | ScalingHeldEvent
  | PanicEvent
  | StateChangedEvent
  | StopWaitingEvent
  | ListeningEvent
  | AcceptPausedEvent
  | ExchangeFailedEvent
  | RequestSlowEvent
  | AccessEvent
  | NoticeEvent;
