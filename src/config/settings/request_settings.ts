/**
 * How requests meet workers.
 *
 * @module
 */

import { POLICIES, type PolicyName } from "../../upstream/policy/mod.ts";
import { affinity, choice, integer, integerOrAuto } from "../kinds.ts";
import { count, delayMs, MAX_COUNT, setting, timeoutMs } from "./setting.ts";

/** More times than that, a request that fails everywhere is only a load. */
const MAX_RETRIES = 100;

/** The settings under the heading "Requests", in the order of the help. */
export const REQUEST_SETTINGS = {
  /** How a worker is chosen. */
  policy: setting({
    kind: choice(Object.keys(POLICIES) as PolicyName[]),
    default: "round-robin",
    help: `how a worker is chosen: ${Object.keys(POLICIES).join(", ")}`,
    generic: true,
    essential: true,
  }),
  /** What drives the connections: sockets of our own on epoll, in a thread of their own, or those of the runtime. */
  transport: setting({
    kind: choice(["auto", "epoll", "deno"]),
    default: "auto",
    help: "what drives the connections: auto, epoll, deno",
  }),
  /** What ties clients to workers: `cookie`, or `header:NAME`. */
  affinity: setting({
    kind: affinity,
    default: null,
    help: "clients stay with their worker: cookie, or header:NAME",
  }),
  /** How long the share of a worker that has just become ready grows from a tenth to a full one, in milliseconds. */
  slowStartMs: setting({
    kind: delayMs,
    default: 0,
    help: "how long the share of a new worker ramps up; 0 is not at all",
  }),
  /** Requests in flight per worker; 0 is no cap, `"auto"` adapts it to the work. */
  workerConcurrency: setting({
    kind: integerOrAuto({ min: 0, max: MAX_COUNT }),
    default: "auto",
    help: "requests in flight per worker; 0 is no cap, auto adapts it",
  }),
  /** Requests that may wait for a worker. */
  maxQueue: setting({
    kind: count,
    default: 1024,
    help: "requests that may wait for a worker; beyond, 503",
  }),
  /** Longest wait for a worker, in milliseconds. */
  queueTimeoutMs: setting({
    kind: timeoutMs,
    default: 10_000,
    help: "longest wait for a worker; beyond, 503",
  }),
  /** Longest wait for a worker's response head, in milliseconds. */
  requestTimeoutMs: setting({
    kind: timeoutMs,
    default: 60_000,
    help: "longest wait for a response head; beyond, 504",
  }),
  /** Times a request is sent again at most, where that is safe; 0 is never. */
  maxRetries: setting({
    kind: integer({ min: 0, max: MAX_RETRIES }),
    default: 2,
    help: "times a request is sent again at most; 0 is never",
  }),
  /** How long a request waits before that is logged, in milliseconds; 0 is never. */
  slowRequestMs: setting({
    kind: delayMs,
    default: null,
    derived: "REQUEST_TIMEOUT_MS / 2",
    help: "a request that waits longer is logged; 0 is never",
  }),
} as const;
