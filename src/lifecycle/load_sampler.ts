/**
 * The figures the autoscaler decides by, gathered from the parts that have
 * them.
 *
 * @module
 */

import type { ScalingSample } from "../autoscaler/algorithm.ts";
import { availableMemory } from "../autoscaler/available_memory.ts";
import { memoryCeiling } from "../autoscaler/memory_ceiling.ts";
import type { DataPlane } from "../plane/contract.ts";
import type { Pool } from "../pool/pool.ts";
import type { PoolSnapshot } from "../pool/pool_snapshot.ts";

/** What of the configuration matters here. */
export interface LoadSamplerOptions {
  /** Whether memory limits the number of workers. */
  readonly maxWorkersAuto: boolean;
  /** How long a look at the memory is good for, in milliseconds. */
  readonly scaleIntervalMs: number;
}

/** Where the figures come from. */
export interface LoadSources {
  readonly pool: Pool;
  readonly plane: DataPlane;
}

/** Gathers the figures. */
export class LoadSampler {
  readonly #options: LoadSamplerOptions;
  readonly #sources: LoadSources;
  #memoryCeiling: number | null = null;
  #memoryReadAt = -Infinity;

  /** Creates a sampler of these parts. */
  constructor(options: LoadSamplerOptions, sources: LoadSources) {
    this.#options = options;
    this.#sources = sources;
  }

  /** Returns the figures now. */
  sample(): Omit<ScalingSample, "at"> {
    const { pool, plane } = this.#sources;
    const snapshot = pool.snapshot();
    const { requests, inFlight, queue } = plane.figures();
    const { depth, concurrency, adaptive } = queue;
    // A limit that was found is a help: without it all would be with the workers.
    const queued = adaptive ? 0 : depth;
    return {
      requests: requests + inFlight,
      inFlight: inFlight - queued,
      queued,
      ready: snapshot.ready,
      full: adaptive ? 0 : full(snapshot, concurrency),
      desired: snapshot.desired,
      memoryCeiling: this.#readMemoryCeiling(snapshot),
    };
  }

  /** Not at each sample: it reads files of every process of the workers. */
  #readMemoryCeiling(snapshot: PoolSnapshot): number | null {
    const { maxWorkersAuto, scaleIntervalMs } = this.#options;
    if (!maxWorkersAuto) return null;
    const now = performance.now();
    if (now - this.#memoryReadAt >= scaleIntervalMs) {
      this.#memoryReadAt = now;
      const usage = this.#sources.pool.usage();
      this.#memoryCeiling = memoryCeiling({
        availableBytes: availableMemory(),
        workerBytes: snapshot.workers.filter(({ pid }) => pid !== null)
          .map(({ pid }) => usage.get(pid!)?.rssBytes ?? null),
        counted: countedWorkers(snapshot),
      });
    }
    return this.#memoryCeiling;
  }
}

/**
 * Places whose worker runs, spares aside, and those that a pool that grows gives
 * back to a worker that is kept: it costs no more memory.
 */
export function countedWorkers(
  { workers, generation }: Pick<PoolSnapshot, "workers" | "generation">,
): number {
  const places = workers.filter((worker) =>
    worker.pid !== null && !worker.spare && worker.state !== "draining" &&
    worker.state !== "terminating" &&
    (!worker.former || worker.generation === generation)
  );
  return new Set(places.map(({ id }) => id)).size;
}

/** Workers that have as many requests as they may have; 0 is no cap. */
function full({ workers }: PoolSnapshot, cap: number): number {
  if (cap === 0) return 0;
  return workers.filter(({ ready, figures }) =>
    ready && figures.inFlight >= cap
  )
    .length;
}
