/**
 * How workers are probed and judged.
 *
 * @module
 */

import { hostField, requestPath, toggle } from "../kinds.ts";
import { countFromOne, setting, timeoutMs } from "./setting.ts";

/** The settings under the heading "Health", in the order of the help. */
export const HEALTH_SETTINGS = {
  /** Path that is probed. */
  healthPath: setting({
    kind: requestPath,
    default: "/api/health",
    help: "path that is probed; unset, any response below 500 is " +
      "healthy, set, 2xx and 3xx",
    essential: true,
  }),
  /** Host field of the probes, for applications that go by it; `null` is the worker's address and port. */
  healthHost: setting({
    kind: hostField,
    default: null,
    help: "Host field of the probes; unset, the worker's address and port",
  }),
  /** Milliseconds between two probes of a worker. */
  healthIntervalMs: setting({
    kind: timeoutMs,
    default: 2000,
    help: "time between two probes of a worker",
  }),
  /** Longest wait for a probe's response, in milliseconds. */
  healthTimeoutMs: setting({
    kind: timeoutMs,
    default: 2000,
    help: "longest wait for a probe's response",
  }),
  /** Failures in a row that make a worker unhealthy. */
  healthFall: setting({
    kind: countFromOne,
    default: 3,
    help: "failures in a row that make a worker unhealthy",
  }),
  /** Successes in a row that make it healthy again. */
  healthRise: setting({
    kind: countFromOne,
    default: 1,
    help: "successes in a row that make it healthy again",
  }),
  /** Whether a worker is replaced that passes its probes and fails its requests, where the others do not. */
  outlierDetection: setting({
    kind: toggle,
    default: true,
    help: "replace a worker that fails its requests where others do not",
    reloadable: true,
  }),
} as const;
