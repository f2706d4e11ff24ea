/**
 * How much CPU time workers use, from look to look.
 *
 * @module
 */

import type { Upstream } from "../upstream.ts";

/** Says what CPU time the process behind an upstream has used ever, in milliseconds; `null` where that is not known. */
export type CpuMsOf = (upstream: Upstream) => number | null;

/** Adds up what was used since the last look. */
export class WorkerCpu {
  readonly #cpuMsOf: CpuMsOf;
  #seen = new Map<Upstream, number>();

  /** @param cpuMsOf Reads it. */
  constructor(cpuMsOf: CpuMsOf) {
    this.#cpuMsOf = cpuMsOf;
  }

  /** What `upstreams` used since the last look, in milliseconds; `null` where that is not known of all of them. */
  look(upstreams: readonly Upstream[]): number | null {
    const before = this.#seen;
    const seen = new Map<Upstream, number>();
    let usedMs: number | null = 0;
    for (const upstream of upstreams) {
      const cpuMs = this.#cpuMsOf(upstream);
      const cpuMsBefore = before.get(upstream);
      if (cpuMs !== null) seen.set(upstream, cpuMs);
      usedMs = cpuMs === null || cpuMsBefore === undefined || usedMs === null
        ? null
        : usedMs + cpuMs - cpuMsBefore;
    }
    this.#seen = seen;
    return usedMs;
  }
}
