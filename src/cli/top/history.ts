/**
 * What `top` has seen so far: what happened between two samples, second by
 * second. Pure.
 *
 * @module
 */

import type {
  MetricsSnapshot,
  WorkerMetrics,
} from "../../metrics/metrics_snapshot.ts";

/** Looks that are kept: as many as the widest chart has room for. */
const KEPT = 120;

/** Values over time, the last one at the end; `null` where it was not known. */
export type Series = readonly (number | null)[];

/** What has been seen of one worker. */
export interface WorkerHistory {
  /** Requests a second, at each look. */
  readonly rates: Series;
  /** Share of one CPU that it has used since the last look; `null` when that is not known. */
  readonly cpuRatio: number | null;
}

interface Look {
  readonly atMs: number;
  readonly metrics: MetricsSnapshot;
}

const NO_HISTORY: WorkerHistory = { rates: [], cpuRatio: null };

/** Takes in one look after the other. */
export class TopHistory {
  #last: Look | null = null;
  #rates: Series = [];
  #latencies: Series = [];
  #workers: ReadonlyMap<string, WorkerHistory> = new Map();

  /** Requests a second of the whole pool. */
  get rates(): Series {
    return this.#rates;
  }

  /** 99th percentile of the latency of the last ten seconds, in milliseconds. */
  get latencies(): Series {
    return this.#latencies;
  }

  /** What has been seen of this worker. */
  of(worker: WorkerMetrics): WorkerHistory {
    return this.#workers.get(keyOf(worker)) ?? NO_HISTORY;
  }

  /** Takes in what the figures were at `atMs`. */
  add(metrics: MetricsSnapshot, atMs: number): void {
    const last = this.#last;
    // Of another run nothing can be compared.
    const before = last?.metrics.instance.id === metrics.instance.id
      ? last
      : null;
    const seconds = before === null ? 0 : (atMs - before.atMs) / 1000;
    const former = new Map(
      before?.metrics.workers.map((worker) => [keyOf(worker), worker]) ?? [],
    );
    this.#rates = appended(
      this.#rates,
      perSecond(before?.metrics.totalRequests, metrics.totalRequests, seconds),
    );
    this.#latencies = appended(this.#latencies, metrics.recentLatency.p99);
    this.#workers = new Map(metrics.workers.map((worker) => {
      const earlier = former.get(keyOf(worker));
      const { rates } = this.of(worker);
      const rate = perSecond(earlier?.requests, worker.requests, seconds);
      const cpuRatio = perSecond(
        earlier?.cpuSeconds,
        worker.cpuSeconds,
        seconds,
      );
      return [keyOf(worker), { rates: appended(rates, rate), cpuRatio }];
    }));
    this.#last = { atMs, metrics };
  }
}

/** A successor in the same slot is another worker. */
function keyOf({ id, pid, generation }: WorkerMetrics): string {
  return `${id} ${pid} ${generation}`;
}

function perSecond(
  before: number | null | undefined,
  now: number | null,
  seconds: number,
): number | null {
  if (typeof before !== "number" || now === null || seconds <= 0) return null;
  return Math.max(now - before, 0) / seconds;
}

function appended(series: Series, value: number | null): Series {
  return [...series, value].slice(-KEPT);
}
