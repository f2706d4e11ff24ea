/**
 * What the workers of one (re)load have in common.
 *
 * @module
 */

import type { WorkerCommand } from "./worker_command.ts";

/** How workers are run. */
export interface WorkerSpec {
  /** The program to run. */
  readonly workerCommand: WorkerCommand;
  /** What their environment has beyond the balancer's. */
  readonly workerEnvironment: Readonly<Record<string, string>>;
}

/** The workers of one (re)load. */
export interface Generation extends WorkerSpec {
  /** From 1. A number that a failed reload has used is not used again. */
  readonly number: number;
}

/** Returns the generation `number` of workers that run by `spec`. */
export function generationOf(
  { workerCommand, workerEnvironment }: WorkerSpec,
  number: number,
): Generation {
  return { workerCommand, workerEnvironment, number };
}
