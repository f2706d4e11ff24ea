/**
 * What every part of the data plane needs at hand.
 *
 * @module
 */

import type { EventEmitter } from "../../events/mod.ts";
import type { ByteWriter } from "../../http1/byte_writer.ts";
import type { RequestHead } from "../../http1/request_head.ts";
import type { ResponseHead } from "../../http1/response_head.ts";
import type { Counters } from "./counters.ts";
import type { Dispatcher } from "../../upstream/dispatcher.ts";
import type { AdminPort } from "./admin_port.ts";
import type { Affinity } from "./affinity.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { ClientGate } from "./client_gate.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { DateLine } from "./date_line.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Clock, Connector, Timers } from "./link.ts";
import type { RequestIds } from "./request_ids.ts";
import type { SkewCookie } from "./skew_cookie.ts";
import type { Suspects } from "./suspects.ts";
import type { Traces } from "./traces.ts";

/** The settings of the data plane, by the names they have in the configuration. */
export interface ProxyOptions {
  /** Client connections at once. */
  readonly maxConnections: number;
  /** Longest wait for a client's whole request head, in milliseconds. */
  readonly headTimeoutMs: number;
  /** How long a client's connection may idle between requests, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** How long a body may stall, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** Longest wait for a worker's response head, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Times a request may be sent again. */
  readonly maxRetries: number;
  /** Largest head, in bytes. */
  readonly maxHeadBytes: number;
  /** Largest request body, in bytes; 0 is no limit. */
  readonly maxBodyBytes: number;
  /** Whether a worker's own address in Location and the like is replaced. @default {true} */
  readonly rewriteLocation?: boolean;
}

/** What of the world the data plane is driven by. */
export interface Driver {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly connector: Connector;
  readonly buffers: BufferPool;
  /** Whether a process is about to end, or has: its connections are closed before that is seen otherwise. `false` where it cannot be told. */
  readonly isEnding: (pid: number) => boolean;
  /** Reports a fault of our own; nothing else comes of it. */
  readonly reportFault: (error: unknown) => void;
}

/** The parts of the data plane, made once. */
export interface ProxyContext extends Driver {
  readonly options: ProxyOptions;
  readonly dispatcher: Dispatcher;
  readonly connections: ConnectionPool;
  readonly counters: Counters;
  readonly events: EventEmitter;
  readonly deadlines: Deadlines;
  /** Requests that have cost workers of late. */
  readonly suspects: Suspects;
  readonly requestIds: RequestIds;
  /** Of which trace requests are; `null` where nobody wants to know. */
  readonly traces: Traces | null;
  readonly dateLine: DateLine;
  /** Who makes the pages of our own; `null` leaves all paths to the application. */
  readonly admin: AdminPort | null;
  /** Looks at who asks; `null` where nobody wants to know. */
  readonly gate: ClientGate | null;
  /** Tells which generation of workers a client belongs to; `null` where to none. */
  readonly skew: SkewCookie | null;
  /** Tells which worker a client belongs to; `null` where to none. */
  readonly affinity: Affinity | null;
  /** Whether the pool is stopping: every response ends its connection. */
  draining: boolean;
  /** Whether the workers are gone: connections end with what they have under way. */
  finishing: boolean;

  // Scratch. What is in these is valid until the present call returns:
  // parsing a head and writing it out again happen in one step.
  readonly requestHead: RequestHead;
  readonly responseHead: ResponseHead;
  readonly writer: ByteWriter;
}
