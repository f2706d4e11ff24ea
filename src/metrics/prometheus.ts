/**
 * The figures as Prometheus reads them. Everything is put together when it is
 * asked for; nothing is counted here.
 *
 * Imports the client library, which costs memory: to be loaded only when
 * somebody asks.
 *
 * @module
 */

import {
  type Metric,
  Registry,
  type RegistryContentType,
} from "npm:prom-client@^15.1.3";
import type { DataPlaneFigures } from "../plane/contract.ts";
import { LatencyHistogram } from "../shared/latency_histogram.ts";
import { balancerMetrics } from "./balancer_metrics.ts";
import {
  type CollectedMetric,
  counter,
  gauge,
  histogram,
  type Sample,
} from "./collected_metric.ts";
import type { OwnUsage } from "../system/own_usage.ts";
import type { MetricsSnapshot, WorkerMetrics } from "./metrics_snapshot.ts";
import type { EventTally, TalliedSuspect, Tally } from "./event_tally.ts";

/** The formats there are: the classic text format, and its standardised successor. */
export type ExpositionFormat = "prometheus" | "openmetrics";

/** Figures written out. */
export interface Exposition {
  /** For the field `Content-Type`. */
  readonly contentType: string;
  /** The body. */
  readonly text: string;
}

/** Where the figures come from. */
export interface PrometheusSources {
  readonly snapshot: MetricsSnapshot;
  /** What the data plane counts. */
  readonly figures: Pick<
    DataPlaneFigures,
    "responses" | "latency" | "retries"
  >;
  readonly tally: EventTally;
  /** Workers that took the place of another one, by why. */
  readonly restarts: Readonly<Record<string, number>>;
  /** What of the workers' output has been dropped, by slot. */
  readonly droppedOutput: ReadonlyMap<
    number,
    { readonly lines: number; readonly bytes: number }
  >;
  /** What the balancer itself uses. */
  readonly usage: OwnUsage;
}

/** Shown with 0 too, so that a query finds them before the first worker is in that state. */
const WORKER_STATES = [
  "waiting",
  "starting",
  "ready",
  "spare",
  "former",
  "unhealthy",
  "draining",
  "terminating",
] as const;

/** Who kills workers but the pool. Shown with 0 too. */
const KILLERS = ["out-of-memory", "outside", "unknown"] as const;

/** Writes the figures out. */
export async function exposition(
  sources: PrometheusSources,
  format: ExpositionFormat,
): Promise<Exposition> {
  const registry = new Registry<RegistryContentType>();
  if (format === "openmetrics") {
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  }
  for (const metric of collectedMetrics(sources)) {
    registry.registerMetric(asMetric(metric));
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** All figures, for whoever writes them out. */
export function collectedMetrics(
  sources: PrometheusSources,
): readonly CollectedMetric[] {
  return [
    ...requestMetrics(sources),
    ...poolMetrics(sources),
    ...balancerMetrics(sources),
  ];
}

function requestMetrics(
  { snapshot, figures }: PrometheusSources,
): readonly CollectedMetric[] {
  const { queue, connections } = snapshot;
  return [
    counter(
      "prefork_requests_total",
      "Requests by the worker that had them last and by status; 0: the client had gone.",
      figures.responses.map(({ workerId, status, count }) => [
        { worker: workerId === null ? "" : `${workerId}`, code: `${status}` },
        count,
      ]),
    ),
    counter(
      "prefork_errors_total",
      "Answers of the balancer's own, in place of a worker's.",
      Object.entries(snapshot.errors).map(([code, count]) => [{ code }, count]),
    ),
    histogram(
      "prefork_request_duration_seconds",
      "From the request's head to the end of its answer.",
      LatencyHistogram.from(figures.latency),
    ),
    gauge(
      "prefork_requests_in_flight",
      "Requests being handled, those in the queue included.",
      snapshot.inFlight,
    ),
    gauge("prefork_queue_depth", "Requests waiting for a worker.", queue.depth),
    gauge("prefork_queue_limit", "Requests that may wait.", queue.limit),
    gauge(
      "prefork_worker_concurrency_limit",
      "Requests a worker is given at once; 0 is no limit.",
      queue.concurrency,
    ),
    gauge(
      "prefork_queue_wait_seconds",
      "What half, and 99 %, of those that had to wait did not exceed.",
      [
        ...quantileOf("0.5", queue.wait.p50),
        ...quantileOf("0.99", queue.wait.p99),
      ],
    ),
    counter(
      "prefork_queue_rejected_total",
      "Requests that did not get a worker.",
      [
        [{ reason: "full" }, queue.rejected],
        [{ reason: "timeout" }, queue.timedOut],
      ],
    ),
    counter(
      "prefork_retries_total",
      "Requests sent once more, by what had failed.",
      [...figures.retries].map(([reason, count]) => [{ reason }, count]),
    ),
    gauge(
      "prefork_connections",
      "Connections open to clients, and kept idle to workers.",
      [
        [{ side: "client" }, connections.client],
        [{ side: "upstream_idle" }, connections.upstreamIdle],
      ],
    ),
    gauge(
      "prefork_event_loop_lag_seconds",
      "By how much the balancer's event loop has been late, at worst, over the last ten seconds.",
      snapshot.eventLoopLag / 1000,
    ),
  ];
}

function poolMetrics(
  { snapshot, tally, restarts, droppedOutput }: PrometheusSources,
): readonly CollectedMetric[] {
  const { pool, workers } = snapshot;
  const dropped = [...droppedOutput];
  return [
    gauge("prefork_workers", "Workers by state.", workersByState(workers)),
    gauge("prefork_workers_min", "Fewest workers scaling leaves.", pool.min),
    gauge("prefork_workers_max", "Most workers scaling makes.", pool.max),
    gauge("prefork_workers_desired", "Workers wanted now.", pool.desired),
    gauge(
      "prefork_panic",
      "1 while most workers fail their health probes together and are kept in rotation.",
      Number(pool.panic),
    ),
    gauge(
      "prefork_generation",
      "Which (re)load the newest workers belong to.",
      snapshot.generation,
    ),
    counter(
      "prefork_worker_restarts_total",
      "Workers that took the place of another one, by why.",
      Object.entries(restarts).map(([reason, count]) => [{ reason }, count]),
    ),
    counter(
      "prefork_suspect_requests_total",
      "Requests in flight when their worker's process ended, which may be the reason.",
      tally.suspectCount,
    ),
    gauge(
      "prefork_suspect_losses",
      "Workers lost of late with a request of this method and path in flight, of the last suspects; from 2 on it is not sent again.",
      suspectLosses(tally.suspects),
    ),
    counter(
      "prefork_worker_kills_total",
      "Workers that had been ready and were killed, and not by the pool, by who did it.",
      KILLERS.map((killer) => [{ killer }, tally.kills.get(killer) ?? 0]),
    ),
    histogram(
      "prefork_worker_recovery_seconds",
      "From a place without a healthy worker to its successor being ready.",
      tally.recovery,
    ),
    counter(
      "prefork_scaling_decisions_total",
      "Changes of the wanted number of workers.",
      [
        ...decisionsMade("up", tally.scaledUp),
        ...decisionsMade("down", tally.scaledDown),
      ],
    ),
    counter(
      "prefork_worker_output_dropped_total",
      "Lines of the workers' output dropped, because they wrote more than WORKER_LOG_RATE or WORKER_LOG_BYTES.",
      dropped.map(([id, { lines }]) => [{ worker: `${id}` }, lines]),
    ),
    counter(
      "prefork_worker_output_dropped_bytes_total",
      "Bytes of those lines.",
      dropped.map(([id, { bytes }]) => [{ worker: `${id}` }, bytes]),
    ),
    gauge(
      "prefork_worker_resident_memory_bytes",
      "Resident memory of the workers of the slot, with -A only.",
      perSlot(workers, ({ rssBytes }) => rssBytes),
    ),
    gauge(
      "prefork_worker_cpu_seconds",
      "CPU time the present workers of the slot have used, with -A only.",
      perSlot(workers, ({ cpuSeconds }) => cpuSeconds),
    ),
  ];
}

/** The library asks a metric for this much; its types want one of its classes. */
function asMetric(metric: CollectedMetric): Metric {
  const asked = { ...metric, get: () => Promise.resolve(asked) };
  return asked as unknown as Metric;
}

function quantileOf(
  quantile: string,
  milliseconds: number | null,
): readonly Sample[] {
  return milliseconds === null ? [] : [[{ quantile }, milliseconds / 1000]];
}

function workersByState(workers: readonly WorkerMetrics[]): readonly Sample[] {
  const counts = new Map<string, number>(
    WORKER_STATES.map((state) => [state, 0]),
  );
  for (const worker of workers) {
    const state = worker.spare
      ? "spare"
      : worker.former
      ? "former"
      : worker.state;
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return [...counts].map(([state, count]) => [{ state }, count]);
}

/** The last figure of each: there are few, however many paths there are. */
function suspectLosses(suspects: readonly TalliedSuspect[]): readonly Sample[] {
  const last = new Map<string, Sample>();
  for (const { method, target, losses } of suspects) {
    const path = target.split("?", 1)[0]!;
    last.set(`${method} ${path}`, [{ method, path }, losses]);
  }
  return [...last.values()];
}

function decisionsMade(
  direction: "up" | "down",
  tally: Tally,
): readonly Sample[] {
  return [...tally].map(([reason, count]) => [{ direction, reason }, count]);
}

/** A figure of each slot, where several workers may be at a time; what cannot be had is not there. */
function perSlot(
  workers: readonly WorkerMetrics[],
  figure: (worker: WorkerMetrics) => number | null,
): readonly Sample[] {
  const sums = new Map<number, number>();
  for (const worker of workers) {
    const value = figure(worker);
    if (value !== null) sums.set(worker.id, (sums.get(worker.id) ?? 0) + value);
  }
  return [...sums].map(([id, sum]) => [{ worker: `${id}` }, sum]);
}
