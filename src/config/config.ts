/**
 * The whole configuration of a pool: one flat, validated, frozen object.
 *
 * Every component declares the part it needs as an options interface of its
 * own, and this object satisfies it by its shape; no component imports this
 * module. Only the outermost layer (the command line, the supervisor) does.
 *
 * @module
 */

import type { WorkerCommand } from "../pool/worker_command.ts";
import type { SettingValues } from "./settings.ts";

/**
 * Every setting, checked, under its name in the tables of settings, with its
 * default filled in; and what follows from them.
 */
export interface Config extends
  Omit<
    SettingValues,
    "workerCommand" | "zigttpBin" | "handlerPath" | "workerCwd"
  > {
  /** Workers started at first; `auto` has become a number. */
  readonly poolSize: number;
  /** Most workers scaling makes; `auto` has become a number. */
  readonly maxWorkers: number;
  /** `true` when MAX_WORKERS is `auto`: `maxWorkers` follows from the CPUs then, and memory limits it too. */
  readonly maxWorkersAuto: boolean;
  /** The program to run. @default {the embedded demo application} */
  readonly workerCommand: WorkerCommand;
  /** Directory the workers run in; `null` is the balancer's own. @default {PWD} */
  readonly workerCwd: string | null;
  /** What the workers' environment has beyond the balancer's. @default {{}} */
  readonly workerEnvironment: Readonly<Record<string, string>>;
  /** `true` when HEALTH_PATH was set: only 2xx and 3xx are healthy then, else anything below 500. */
  readonly healthStrict: boolean;
  /** Longest wait for a new worker that keeps a CPU busy all the while, in milliseconds: four times STARTUP_TIMEOUT_MS by default, and no longer where that was set. */
  readonly startupLimitMs: number;
}
