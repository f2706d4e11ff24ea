/**
 * Why a worker that runs wants a successor. Pure.
 *
 * @module
 */

import type { ReplacementReason } from "../events/mod.ts";
import type { Worker } from "./worker.ts";

/** Bytes in a megabyte as MAX_WORKER_MEMORY_MB counts them. */
export const BYTES_PER_MB = 1024 * 1024;

/** How far above the limit a worker's memory may grow while its successor starts. */
const HARD_MEMORY_RATIO = 1.5;

/** Why a worker that runs is replaced. */
export type ReplacementCause = Exclude<
  ReplacementReason,
  "exit" | "out-of-memory" | "failed-start"
>;

/** What wears a worker out; 0 is never. */
export interface RecyclingLimits {
  /** Requests a worker responds to before it is replaced. */
  readonly maxRequests: number;
  /** Share of `maxRequests` by which it is less, by chance, so that workers do not wear out together. */
  readonly maxRequestsJitter: number;
  /** Seconds a worker runs before it is replaced. */
  readonly maxWorkerAgeS: number;
  /** Megabytes of memory above which a worker is replaced; above 1.5 times as much it is killed. */
  readonly maxWorkerMemoryMb: number;
}

/** The facts about a worker that the causes rest on. */
export type ReplaceableWorker =
  & Pick<
    Worker,
    | "generation"
    | "health"
    | "retained"
    | "failing"
    | "state"
    | "startedAt"
    | "jitterSeed"
    | "peakRssBytes"
  >
  & { readonly upstream: { readonly figures: { readonly requests: number } } };

/**
 * Returns why `worker` wants a successor, or `null` when it does not.
 *
 * @param generation Number of the generation that is wanted.
 */
export function replacementCause(
  worker: ReplaceableWorker,
  generation: number,
  limits: RecyclingLimits,
  now: number,
): ReplacementCause | null {
  // Where most fail together, another one would fail too.
  const excused = worker.retained === "panic";
  if (worker.health?.healthy === false && !excused) return "unhealthy";
  if (worker.generation !== generation) return "reload";
  if (worker.failing) return "failing";
  if (worker.state.type !== "ready") return null;
  const requestLimit = limits.maxRequests *
    (1 - limits.maxRequestsJitter * worker.jitterSeed);
  if (requestLimit > 0 && worker.upstream.figures.requests >= requestLimit) {
    return "max-requests";
  }
  if (now >= wornOutAt(worker, limits)) return "max-age";
  const { maxWorkerMemoryMb } = limits;
  const softLimit = maxWorkerMemoryMb * BYTES_PER_MB;
  if (softLimit > 0 && worker.peakRssBytes > softLimit) return "max-memory";
  return null;
}

/** Returns when `worker` is too old; infinite when never. */
export function wornOutAt(
  worker: Pick<Worker, "startedAt">,
  { maxWorkerAgeS }: RecyclingLimits,
): number {
  return maxWorkerAgeS === 0
    ? Infinity
    : worker.startedAt + maxWorkerAgeS * 1_000;
}

/** Whether a worker uses so much memory that its requests cannot be waited for. */
export function exhaustsMemory(
  { peakRssBytes }: Pick<Worker, "peakRssBytes">,
  { maxWorkerMemoryMb }: RecyclingLimits,
): boolean {
  const hardLimit = maxWorkerMemoryMb * BYTES_PER_MB * HARD_MEMORY_RATIO;
  return hardLimit > 0 && peakRssBytes > hardLimit;
}
