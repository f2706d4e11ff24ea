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
  stopSignal,
  toggle,
  watchedPaths,
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
  /** Workers started at first. */
  poolSize: setting({
    kind: integerOrAuto({ min: 1, max: MAX_POOL_SIZE }),
    default: 4,
    help: "workers at start; auto is one for each CPU available",
    reloadable: true,
    essential: true,
  }),
  /** Fewest workers scaling leaves. */
  minWorkers: setting({
    kind: workers,
    default: null,
    derived: "POOL_SIZE",
    help: "lower bound of scaling",
    reloadable: true,
  }),
  /** Most workers scaling makes. */
  maxWorkers: setting({
    kind: integerOrAuto({ min: 1, max: MAX_POOL_SIZE }),
    default: null,
    derived: "max(16, POOL_SIZE)",
    help: "upper bound of scaling; auto is what CPUs and memory allow",
    reloadable: true,
    essential: true,
  }),
  /** Ready workers that are held back, beyond those, and stand in at once. */
  spareWorkers: setting({
    kind: integer({ min: 0, max: MAX_POOL_SIZE }),
    default: 0,
    help: "ready workers in reserve, promoted at once when one is lost",
    reloadable: true,
  }),
  /** First worker port; 0 takes a free stretch anywhere. */
  workerPort: setting({
    kind: port,
    default: null,
    derived: "PORT + 1",
    help: "first worker port; 0 takes a free stretch anywhere",
  }),
  /** The program to run. */
  workerCommand: setting({
    kind: command,
    default: null,
    help: "the worker's command line, instead of the words after --",
    reloadable: true,
    embeddable: false,
  }),
  /** Whether the HTTP server of a Deno program whose port is written into it is moved to the worker's port. */
  workerServeAddress: setting({
    kind: choice(["auto", "on", "off"]),
    default: "auto",
    help: "move the server of a Deno program whose port is written into it; " +
      "auto: where it listens on one other port and not on PORT",
  }),
  /** Directory the workers run in; a link in it is followed anew by each reload. */
  workerCwd: setting({
    kind: filePath,
    default: null,
    derived: "PWD",
    help: "directory workers run in; a link is followed anew by each reload",
    reloadable: true,
  }),
  /** File of `NAME=value` lines, for settings and for the workers' environment. */
  envFile: setting({
    kind: filePath,
    default: null,
    help: "NAME=value lines, for settings and workers; read anew on SIGHUP",
    embeddable: false,
    essential: true,
  }),
  /** The program of zigttp; the worker's command follows from it. */
  zigttpBin: setting({
    kind: filePath,
    default: null,
    help: "zigttp's program; the command is then ZIGTTP_BIN -p {port}",
    reloadable: true,
    embeddable: false,
  }),
  /** The handler that zigttp is given. */
  handlerPath: setting({
    kind: filePath,
    default: null,
    help: "the handler zigttp is given",
    reloadable: true,
    embeddable: false,
  }),
  /** Longest wait for a new worker's first good response, in milliseconds. */
  startupTimeoutMs: setting({
    kind: timeoutMs,
    default: 30_000,
    help: "a worker not ready by then is killed: a failed start",
    reloadable: true,
  }),
  /** How long requests in flight may take when a worker or the pool stops, in milliseconds. */
  drainTimeoutMs: setting({
    kind: delayMs,
    default: 30_000,
    help: "how long requests in flight may take on a stop",
    reloadable: true,
    essential: true,
  }),
  /** How long a worker's processes may take to end once they are asked to, in milliseconds; beyond, they are killed. */
  stopTimeoutMs: setting({
    kind: delayMs,
    default: 10_000,
    help: "how long a worker's processes may take to end; beyond, SIGKILL",
    reloadable: true,
  }),
  /** Signal that asks a worker to end. */
  stopSignal: setting({
    kind: stopSignal,
    default: "SIGTERM",
    help: "signal that asks a worker to end",
    reloadable: true,
  }),
  /** How long to go on serving, while not ready, after SIGTERM, in milliseconds. */
  drainDelayMs: setting({
    kind: delayMs,
    default: 0,
    help: "how long to go on serving after SIGTERM, while not ready",
    reloadable: true,
  }),
  /** Files and directories whose changes reload the pool; none is not to watch. */
  watch: setting({
    kind: watchedPaths,
    default: [],
    help: "reload when files change: in these paths, or where workers run",
    embeddable: false,
  }),
  /** Workers of a new generation that are started at once in a reload, beside the old ones. */
  reloadSurge: setting({
    kind: integer({ min: 1, max: MAX_POOL_SIZE }),
    default: 1,
    help: "new workers started at once in a reload, beside the old ones",
    reloadable: true,
  }),
  /** Requests that each of them must respond to well before its predecessor goes; 0 takes it at its word. */
  reloadCanaryRequests: setting({
    kind: count,
    default: 5,
    help: "requests a new worker must serve well before the old one goes",
    reloadable: true,
  }),
  /** Whether clients stay with the generation of workers that has served them. */
  skewProtection: setting({
    kind: toggle,
    default: false,
    help: "after a reload, clients stay with the workers that served them",
  }),
  /** How long workers are kept at most for the clients that `skewProtection` or `affinity` ties to them, in milliseconds. */
  skewGraceMs: setting({
    kind: timeoutMs,
    default: 300_000,
    help: "how long workers are kept for clients tied to them, at most",
    reloadable: true,
  }),
  /** Requests a worker responds to before it is replaced; 0 is no limit. */
  maxRequests: setting({
    kind: count,
    default: 0,
    help: "requests after which a worker is replaced; 0 is never",
    reloadable: true,
  }),
  /** Share of `maxRequests` by which it is less, by chance. */
  maxRequestsJitter: setting({
    kind: decimal({ min: 0, max: 1 }),
    default: 0.1,
    help: "greatest share by which MAX_REQUESTS is lowered, at random",
    reloadable: true,
  }),
  /** Seconds a worker runs before it is replaced; 0 is no limit. */
  maxWorkerAgeS: setting({
    kind: count,
    default: 0,
    help: "seconds after which a worker is replaced; 0 is never",
    reloadable: true,
  }),
  /** Megabytes of memory above which a worker is replaced, and above 1.5 times of which it is killed; 0 is no limit. */
  maxWorkerMemoryMb: setting({
    kind: count,
    default: 0,
    help: "memory above which a worker is replaced; killed at 1.5 times",
    reloadable: true,
  }),
} as const;
