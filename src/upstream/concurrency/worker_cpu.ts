/**
 * How much CPU time workers use, from look to look.
 *
 * @module
 */

import type { Upstream } from "../upstream.ts";

/** Says what CPU time the process behind an upstream has used ever, in milliseconds; `null` where that is not known. */
export type CpuMsOf = (upstream: Upstream) => number | null;

/** Tells what was used since the last look. */
export class WorkerCpu {
  readonly #cpuMsOf: CpuMsOf;
  #seen = new Map<Upstream, number>();

  /** @param cpuMsOf Reads it. */
  constructor(cpuMsOf: CpuMsOf) {
    this.#cpuMsOf = cpuMsOf;
  }

  /** What each of `upstreams` used since the last look, in milliseconds; without those of which that is not known. */
  look(upstreams: readonly Upstream[]): ReadonlyMap<Upstream, number> {
    const before = this.#seen;
    const seen = new Map<Upstream, number>();
    const used = new Map<Upstream, number>();
    for (const upstream of upstreams) {
      const cpuMs = this.#cpuMsOf(upstream);
      if (cpuMs === null) continue;
      seen.set(upstream, cpuMs);
      const cpuMsBefore = before.get(upstream);
      if (cpuMsBefore !== undefined) used.set(upstream, cpuMs - cpuMsBefore);
    }
    this.#seen = seen;
    return used;
  }
}
