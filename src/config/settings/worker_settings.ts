/**
 * What concerns the workers: which program, how many, from start to end.
 *
 * @module
 */

import {
  choice,
  command,
  decimal,
  filePath,
  integer,
  integerOrAuto,
  toggle,
} from "../kinds.ts";
import {
  count,
  delayMs,
  MAX_POOL_SIZE,
  port,
  setting,
  timeoutMs,
  workers,
} from "./setting.ts";

/** The settings under the heading "Workers", in the order of the help. */
export const WORKER_SETTINGS = {
  poolSize: setting({
    kind: integerOrAuto({ min: 1, max: MAX_POOL_SIZE }),
    default: 4,
    help: "workers started at first; auto is one for each CPU available",
  }),
  minWorkers: setting({
    kind: workers,
    default: null,
    derived: "POOL_SIZE",
    help: "fewest workers scaling leaves",
  }),
  maxWorkers: setting({
    kind: integerOrAuto({ min: 1, max: MAX_POOL_SIZE }),
    default: null,
    derived: "max(16, POOL_SIZE)",
    help: "most workers; auto is what CPUs and memory allow",
  }),
  spareWorkers: setting({
    kind: integer({ min: 0, max: MAX_POOL_SIZE }),
    default: 0,
    help: "ready workers held back, beyond those, that stand in at once",
  }),
  workerPort: setting({
    kind: port,
    default: null,
    derived: "PORT + 1",
    help: "first worker port; 0 takes a free stretch anywhere",
  }),
  workerCommand: setting({
    kind: command,
    default: null,
    help: "the worker's command line, instead of the words after --",
  }),
  workerServeAddress: setting({
    kind: choice(["auto", "on", "off"]),
    default: "auto",
    help: "move the server of a Deno program whose port is written into it; " +
      "auto: where it listens on one other port and not on PORT",
  }),
  envFile: setting({
    kind: filePath,
    default: null,
    help: "NAME=value lines, for settings and workers; read anew on SIGHUP",
  }),
  zigttpBin: setting({
    kind: filePath,
    default: null,
    help: "zigttp's program: the command is then ZIGTTP_BIN -p {port}",
  }),
  handlerPath: setting({
    kind: filePath,
    default: null,
    help: "the handler zigttp is given",
  }),
  startupTimeoutMs: setting({
    kind: timeoutMs,
    default: 30_000,
    help: "a worker not ready by then is killed: a failed start",
  }),
  drainTimeoutMs: setting({
    kind: delayMs,
    default: 30_000,
    help: "how long requests in flight may take on a stop",
  }),
  drainDelayMs: setting({
    kind: delayMs,
    default: 0,
    help: "how long to serve on after SIGTERM, while not ready",
  }),
  reloadSurge: setting({
    kind: integer({ min: 1, max: MAX_POOL_SIZE }),
    default: 1,
    help: "new workers started at once in a reload, beside the old ones",
  }),
  reloadCanaryRequests: setting({
    kind: count,
    default: 5,
    help: "requests a new worker must answer well before the old one goes",
  }),
  skewProtection: setting({
    kind: toggle,
    default: false,
    help: "after a reload, clients stay with the workers that served them",
  }),
  skewGraceMs: setting({
    kind: timeoutMs,
    default: 300_000,
    help: "how long those are kept, where there is SKEW_PROTECTION",
  }),
  maxRequests: setting({
    kind: count,
    default: 0,
    help: "requests after which a worker is replaced; 0 is never",
  }),
  maxRequestsJitter: setting({
    kind: decimal({ min: 0, max: 1 }),
    default: 0.1,
    help: "share of MAX_REQUESTS by which it is less, by chance",
  }),
  maxWorkerAgeS: setting({
    kind: count,
    default: 0,
    help: "seconds after which a worker is replaced; 0 is never",
  }),
  maxWorkerMemoryMb: setting({
    kind: count,
    default: 0,
    help: "memory above which a worker is replaced, 1.5 times that: killed",
  }),
} as const;
