/**
 * What concerns the workers: which program, how many, from start to end.
 *
 * @module
 */

import { command, filePath, integerOrAuto } from "../kinds.ts";
import {
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
    kind: workers,
    default: null,
    derived: "max(16, POOL_SIZE)",
    help: "most workers scaling makes",
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
} as const;
