/**
 * The figures as Prometheus reads them. Everything is put together when it is
 * asked for; nothing is counted here.
 *
 * Imports the client library, which costs memory: to be loaded only when
 * somebody asks.
 *
 * @module
 */

import type {
  Metric,
  Registry,
  RegistryContentType,
} from "npm:prom-client@^15.1.3";
// Not the package's entry: that loads clusters, HTTP and compression, too.
import registryModule from "npm:prom-client@^15.1.3/lib/registry.js";
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

/** The library declares no types for its parts. */
const RegistryOfText: {
  new (): Registry<RegistryContentType>;
  readonly OPENMETRICS_CONTENT_TYPE: RegistryContentType;
} = registryModule;

/** Writes the figures out. */
export async function exposition(
  sources: PrometheusSources,
  format: ExpositionFormat,
): Promise<Exposition> {
  const registry = new RegistryOfText();
  if (format === "openmetrics") {
    registry.setContentType(RegistryOfText.OPENMETRICS_CONTENT_TYPE);
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
      "Requests by the last worker they were sent to and by status; 0: the client had gone.",
      figures.responses.map(({ workerId, status, count }) => [
        { worker: workerId === null ? "" : `${workerId}`, code: `${status}` },
        count,
      ]),
    ),
    counter(
      "prefork_errors_total",
      "Responses made by the balancer, in place of a worker's, by status.",
      Object.entries(snapshot.errors).map(([code, count]) => [{ code }, count]),
    ),
    histogram(
      "prefork_request_duration_seconds",
      "Time from the request's head to the end of its response.",
      LatencyHistogram.from(figures.latency),
    ),
    gauge(
      "prefork_requests_in_flight",
      "Requests in flight, those in the queue included.",
      snapshot.inFlight,
    ),
    gauge("prefork_queue_depth", "Requests waiting for a worker.", queue.depth),
    gauge(
      "prefork_queue_limit",
      "Requests that may wait for a worker.",
      queue.limit,
    ),
    gauge(
      "prefork_worker_concurrency_limit",
      "Requests in flight that a worker is allowed; 0 is no limit.",
      queue.concurrency,
    ),
    gauge(
      "prefork_queue_wait_seconds",
      "Median and 99th percentile of the queue wait, of the requests that had to wait.",
      [
        ...quantileOf("0.5", queue.wait.p50),
        ...quantileOf("0.99", queue.wait.p99),
      ],
    ),
    counter(
      "prefork_queue_rejected_total",
      "Requests that the queue rejected, by reason.",
      [
        [{ reason: "full" }, queue.rejected],
        [{ reason: "timeout" }, queue.timedOut],
      ],
    ),
    counter(
      "prefork_retries_total",
      "Times a request was sent again to a worker, by what had failed.",
      [...figures.retries].map(([reason, count]) => [{ reason }, count]),
    ),
    gauge(
      "prefork_connections",
      "Open client connections, and idle connections to workers.",
      [
        [{ side: "client" }, connections.client],
        [{ side: "upstream_idle" }, connections.upstreamIdle],
      ],
    ),
    gauge(
      "prefork_event_loop_lag_seconds",
      "Greatest lag of the event loop that serves requests over the last ten seconds.",
      snapshot.eventLoopLag / 1000,
    ),
    gauge(
      "prefork_control_plane_lag_seconds",
      "Greatest lag of the event loop that probes and scales over the last ten seconds.",
      snapshot.controlPlaneLag / 1000,
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
    gauge(
      "prefork_workers_min",
      "Lower bound of the number of workers.",
      pool.min,
    ),
    gauge(
      "prefork_workers_max",
      "Upper bound of the number of workers.",
      pool.max,
    ),
    gauge(
      "prefork_workers_desired",
      "Desired number of workers.",
      pool.desired,
    ),
    gauge(
      "prefork_panic",
      "1 while most workers fail their health probes together and are kept in rotation.",
      Number(pool.panic),
    ),
    gauge(
      "prefork_generation",
      "Generation of the newest workers; each reload begins another.",
      snapshot.generation,
    ),
    counter(
      "prefork_worker_restarts_total",
      "Workers that replaced another one, by reason.",
      Object.entries(restarts).map(([reason, count]) => [{ reason }, count]),
    ),
    counter(
      "prefork_suspect_requests_total",
      "Requests in flight when their worker's process ended, which may be the reason.",
      tally.suspectCount,
    ),
    gauge(
      "prefork_suspect_losses",
      "Workers lost recently with a request of this method and path in flight; from 2 on it is not sent again.",
      suspectLosses(tally.suspects),
    ),
    counter(
      "prefork_worker_kills_total",
      "Ready workers that something other than the pool killed, by killer.",
      KILLERS.map((killer) => [{ killer }, tally.kills.get(killer) ?? 0]),
    ),
    histogram(
      "prefork_worker_recovery_seconds",
      "Time from the loss of a healthy worker to the readiness of its replacement.",
      tally.recovery,
    ),
    counter(
      "prefork_scaling_decisions_total",
      "Changes of the desired number of workers, by direction and reason.",
      [
        ...decisionsMade("up", tally.scaledUp),
        ...decisionsMade("down", tally.scaledDown),
      ],
    ),
    counter(
      "prefork_worker_output_dropped_total",
      "Lines of worker output dropped because of WORKER_LOG_RATE or WORKER_LOG_BYTES.",
      dropped.map(([id, { lines }]) => [{ worker: `${id}` }, lines]),
    ),
    counter(
      "prefork_worker_output_dropped_bytes_total",
      "Bytes of worker output dropped because of WORKER_LOG_RATE or WORKER_LOG_BYTES.",
      dropped.map(([id, { bytes }]) => [{ worker: `${id}` }, bytes]),
    ),
    gauge(
      "prefork_worker_resident_memory_bytes",
      "Resident memory of the workers of the slot, with -A only.",
      perSlot(workers, ({ rssBytes }) => rssBytes),
    ),
    gauge(
      "prefork_worker_cpu_seconds",
      "CPU time used by the present workers of the slot, with -A only.",
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
