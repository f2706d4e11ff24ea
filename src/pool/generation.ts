/**
 * What the workers of one (re)load have in common.
 *
 * @module
 */

import type { WorkerCommand } from "./worker_command.ts";
import { realDirectory } from "../shared/working_directory.ts";

/** How workers are run. */
export interface WorkerSpec {
  /** The program to run. */
  readonly workerCommand: WorkerCommand;
  /** What their environment has beyond the balancer's. */
  readonly workerEnvironment: Readonly<Record<string, string>>;
  /** Directory they run in, links and all; `null` is the balancer's own. @default {null} */
  readonly workerCwd?: string | null;
}

/** The workers of one (re)load. */
export interface Generation extends WorkerSpec {
  /** From 1. A number that a failed reload has used is not used again. */
  readonly number: number;
  /**
   * Where `workerCwd` led when the generation began: all of its workers run
   * there, those that are started later too.
   */
  readonly directory: string | null;
}

/** Returns the generation `number` of workers that run by `spec`, and follows the links of their directory. */
export function generationOf(
  { workerCommand, workerEnvironment, workerCwd = null }: WorkerSpec,
  number: number,
): Generation {
  // One that does not exist is found out, and said, when a worker is started.
  const directory = workerCwd && (realDirectory(workerCwd) ?? workerCwd);
  return { workerCommand, workerEnvironment, workerCwd, number, directory };
}
