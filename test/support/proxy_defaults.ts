/**
 * The settings of a data plane that a test has nothing to say of.
 *
 * @module
 */

import type { EngineSettings } from "../../src/proxy/core/engine.ts";
import type { DispatcherOptions } from "../../src/upstream/dispatcher.ts";
import { roundRobin } from "../../src/upstream/policy/round_robin.ts";

/** The defaults of the configuration. */
export const DEFAULT_SETTINGS: EngineSettings = {
  trustedProxies: [],
  rateLimit: null,
  skewProtection: false,
  proxyProtocol: false,
  maxConnections: 10_000,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 75_000,
  bodyTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  maxRetries: 2,
  maxHeadBytes: 16_384,
  maxBodyBytes: 0,
};

/** The same, for the queue. */
export const DEFAULT_QUEUE: DispatcherOptions = {
  policy: roundRobin,
  workerConcurrency: 0,
  maxQueue: 1024,
  queueTimeoutMs: 10_000,
};
