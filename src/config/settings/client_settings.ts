/**
 * What concerns the clients: where they connect, and what they may do.
 *
 * @module
 */

import {
  cidrList,
  filePath,
  hostOrSocket,
  integer,
  requestRate,
  toggle,
} from "../kinds.ts";
import { countFromOne, port, setting, timeoutMs } from "./setting.ts";

/** Below this, ordinary requests of browsers with cookies are turned away. */
const LEAST_HEAD_BYTES = 1024;

/** Each connection may hold a buffer of this size. */
const GREATEST_HEAD_BYTES = 1024 * 1024;

/** The settings under the heading "Clients", in the order of the help. */
export const CLIENT_SETTINGS = {
  /** Port clients connect to; 0 is any free one. */
  port: setting({
    kind: port,
    default: 8080,
    help: "port clients connect to; 0 takes any free one",
    essential: true,
  }),
  /** Address clients connect to, or `unix:/path` for a unix socket. */
  host: setting({
    kind: hostOrSocket,
    default: "0.0.0.0",
    help: "address clients connect to, or unix:/path",
    essential: true,
  }),
  /** PEM file with the certificate for TLS on `port`; `null` serves plain HTTP. */
  serverCertPath: setting({
    shortFlag: "cert",
    kind: filePath,
    default: null,
    help: "PEM certificate: TLS on PORT; read anew on SIGHUP",
    essential: true,
  }),
  /** PEM file with its private key. */
  serverKeyPath: setting({
    shortFlag: "key",
    kind: filePath,
    default: null,
    help: "PEM private key of that certificate",
    essential: true,
  }),
  /** Whether each connection begins with a PROXY header, version 1 or 2. */
  proxyProtocol: setting({
    kind: toggle,
    default: false,
    help: "each connection begins with a PROXY header, version 1 or 2",
  }),
  /** Client connections at once. */
  maxConnections: setting({
    kind: countFromOne,
    default: 10_000,
    help: "client connections at once",
  }),
  /** Largest request or response head, in bytes. */
  maxHeadBytes: setting({
    kind: integer({ min: LEAST_HEAD_BYTES, max: GREATEST_HEAD_BYTES }),
    default: 16_384,
    help: "largest request or response head",
  }),
  /** Largest request body, in bytes; 0 is no limit. */
  maxBodyBytes: setting({
    kind: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    default: 0,
    help: "largest request body; 0 is no limit",
  }),
  /** Longest wait for a client's whole request head, in milliseconds. */
  headTimeoutMs: setting({
    kind: timeoutMs,
    default: 10_000,
    help: "longest wait for a whole request head",
  }),
  /** How long a client's connection may idle between requests, in milliseconds. */
  idleTimeoutMs: setting({
    kind: timeoutMs,
    default: 75_000,
    help: "how long a connection may idle between requests",
  }),
  /** How long a body may stall, in milliseconds, in either direction. */
  bodyTimeoutMs: setting({
    kind: timeoutMs,
    default: 60_000,
    help: "how long a body may stall, in either direction",
  }),
  /** CIDRs whose forwarding fields are believed. */
  trustedProxies: setting({
    kind: cidrList,
    default: [],
    help: "networks whose forwarding fields are believed",
  }),
  /** Whether a worker's own address in Location, Content-Location and Refresh becomes the one its client asked. */
  rewriteLocation: setting({
    kind: toggle,
    default: true,
    help: "rewrite redirects to a worker's own address",
  }),
  /** Requests that each client address may make, with a token bucket; `null` is no limit. */
  rateLimit: setting({
    kind: requestRate,
    default: null,
    help: "requests allowed to each client address; beyond, 429",
    generic: true,
  }),
} as const;
