/**
 * Whether the workers that the settings ask for fit into the memory there is.
 *
 * @module
 */

import { availableMemory } from "../autoscaler/available_memory.ts";
import { BYTES_PER_MB } from "../pool/replacement.ts";

/** The settings that matter here. */
export interface MemoryFitOptions {
  readonly poolSize: number;
  readonly spareWorkers: number;
  readonly maxWorkers: number;
  /** Whether memory limits the number of workers by itself. */
  readonly maxWorkersAuto: boolean;
  /** Whether a reload keeps the workers it replaces for a while. */
  readonly skewProtection: boolean;
  /** 0 is no limit. */
  readonly maxWorkerMemoryMb: number;
}

/** What the workers have been seen to use. */
export interface MeasuredMemory {
  /** What one of them uses on average, in bytes. */
  readonly workerBytes: number;
  /** What all of them use, in bytes: the memory available is beside that. */
  readonly totalBytes: number;
}

/**
 * Says which setting asks for more memory than can be had, before the workers
 * are started; `null` when all fit, or nothing is known of it.
 *
 * @example
 * ```ts
 * import { limitShortfall } from "./memory_fit.ts";
 * import assert from "node:assert/strict";
 *
 * const settings = {
 *   poolSize: 4,
 *   spareWorkers: 0,
 *   maxWorkers: 4,
 *   maxWorkersAuto: false,
 *   skewProtection: false,
 *   maxWorkerMemoryMb: 512,
 * };
 * assert.equal(limitShortfall(settings, 4e9), null);
 * assert.match(limitShortfall(settings, 1e9)!, /POOL_SIZE=4 .* 2048 MB/);
 * ```
 */
export function limitShortfall(
  options: MemoryFitOptions,
  availableBytes: number | null = availableMemory(),
): string | null {
  const { maxWorkerMemoryMb } = options;
  if (maxWorkerMemoryMb === 0 || availableBytes === null) return null;
  return shortfall(options, {
    workerMb: maxWorkerMemoryMb,
    use: `MAX_WORKER_MEMORY_MB=${maxWorkerMemoryMb} each`,
    roomMb: Math.floor(availableBytes / BYTES_PER_MB),
    remedy: "MAX_WORKER_MEMORY_MB",
  });
}

/** The same by what the workers are seen to use. */
export function measuredShortfall(
  options: MemoryFitOptions,
  measured: MeasuredMemory,
  availableBytes: number | null = availableMemory(),
): string | null {
  if (availableBytes === null) return null;
  const workerMb = Math.ceil(measured.workerBytes / BYTES_PER_MB);
  return shortfall(options, {
    workerMb,
    use: `the ${workerMb} MB that each uses now`,
    roomMb: Math.floor((availableBytes + measured.totalBytes) / BYTES_PER_MB),
    remedy: "what a worker uses",
  });
}

function shortfall(
  options: MemoryFitOptions,
  { workerMb, use, roomMb, remedy }: {
    readonly workerMb: number;
    readonly use: string;
    readonly roomMb: number;
    readonly remedy: string;
  },
): string | null {
  const { poolSize, spareWorkers, maxWorkers, maxWorkersAuto } = options;
  const fits = Math.max(0, Math.floor(roomMb / Math.max(workerMb, 1)));
  const spares = spareWorkers === 0 ? "" : ` and SPARE_WORKERS=${spareWorkers}`;
  const say = (setting: string, workers: number, advice: string): string =>
    `${setting}${spares} workers with ${use} do not fit into memory: they ` +
    `need ${workers * workerMb} MB, and ${roomMb} MB can be had, which is ` +
    `enough for ${fits}; lower ${advice} or ${remedy}`;
  if (poolSize + spareWorkers > fits) {
    return say(`POOL_SIZE=${poolSize}`, poolSize + spareWorkers, "POOL_SIZE");
  }
  if (options.skewProtection && 2 * poolSize + spareWorkers > fits) {
    const setting = `POOL_SIZE=${poolSize} (and as many that ` +
      "SKEW_PROTECTION keeps after a reload)";
    return say(setting, 2 * poolSize + spareWorkers, "POOL_SIZE");
  }
  // With auto it is memory that limits the number.
  if (!maxWorkersAuto && maxWorkers + spareWorkers > fits) {
    const setting = `MAX_WORKERS=${maxWorkers}`;
    const advice = "MAX_WORKERS (auto goes by memory)";
    return say(setting, maxWorkers + spareWorkers, advice);
  }
  return null;
}
