/**
 * What every part of the data plane needs at hand.
 *
 * @module
 */

import type { EventEmitter } from "../events.ts";
import type { ByteWriter } from "../http1/byte_writer.ts";
import type { RequestHead } from "../http1/request_head.ts";
import type { ResponseHead } from "../http1/response_head.ts";
import type { Counters } from "../metrics/counters.ts";
import type { Dispatcher } from "../upstream/dispatcher.ts";
import type { Affinity } from "./affinity.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { ClientGate } from "./client_gate.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { DateLine } from "./date_line.ts";
import type { RequestIds } from "./request_ids.ts";
import type { SkewCookie } from "./skew_cookie.ts";
import type { Suspects } from "./suspects.ts";
import type { Sweep } from "./sweep.ts";
import type { Turns } from "./turns.ts";

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

/** What the admin pages are told of a request for one of them. */
export interface AdminRequest {
  readonly method: string;
  /** Target in origin-form. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  /** IP address of the peer. */
  readonly clientAddress: string;
}

/** Makes the answer to a request, whose body is there by now. */
export type AdminResponder = (
  body: Uint8Array<ArrayBuffer>,
) => Promise<Response>;

/**
 * Takes requests whose path begins with `/_`. Returns `null` for those that
 * are the application's.
 */
export type AdminHandler = (request: AdminRequest) => AdminResponder | null;

/** The parts of the data plane, made once. */
export interface ProxyContext {
  readonly options: ProxyOptions;
  readonly dispatcher: Dispatcher;
  readonly connections: ConnectionPool;
  readonly buffers: BufferPool;
  readonly counters: Counters;
  readonly events: EventEmitter;
  readonly sweep: Sweep;
  /** Requests that have cost workers of late. */
  readonly suspects: Suspects;
  readonly turns: Turns;
  readonly requestIds: RequestIds;
  readonly dateLine: DateLine;
  readonly admin: AdminHandler | null;
  /** Looks at who asks; `null` where nobody wants to know. */
  readonly gate: ClientGate | null;
  /** Tells which generation of workers a client belongs to; `null` where to none. */
  readonly skew: SkewCookie | null;
  /** Tells which worker a client belongs to; `null` where to none. */
  readonly affinity: Affinity | null;
  /** Whether the pool is stopping: every answer ends its connection. */
  draining: boolean;
  /** Whether the workers are gone: connections end with what they have under way. */
  finishing: boolean;

  // Scratch. What is in these is valid until the next `await`, no longer:
  // parsing a head and writing it out again happen in one synchronous step.
  readonly requestHead: RequestHead;
  readonly responseHead: ResponseHead;
  readonly writer: ByteWriter;
}
