/**
 * The figures of a pool for a person at a terminal. Pure.
 *
 * @module
 */

import type {
  MetricsSnapshot,
  WorkerMetrics,
} from "../metrics/metrics_snapshot.ts";
import { durationText } from "../shared/duration.ts";

/** What stands for a figure that cannot be had. */
export const UNKNOWN = "-";

/** Octets in a mebibyte. */
export const MIB = 1024 * 1024;

/** Columns of the table of workers: a heading and the text of a cell. */
const COLUMNS:
  readonly (readonly [string, (worker: WorkerMetrics) => string])[] = [
    ["ID", ({ id }) => `${id}`],
    ["STATE", stateText],
    ["PID", ({ pid }) => orUnknown(pid, String)],
    ["PORT", ({ port }) => orUnknown(port, String)],
    ["GEN", ({ generation }) => orUnknown(generation, String)],
    ["UP", ({ uptimeSeconds }) => orUnknown(uptimeSeconds, durationText)],
    ["IN FLIGHT", ({ inFlight }) => `${inFlight}`],
    ["REQUESTS", ({ requests }) => `${requests}`],
    ["REQ/S", ({ requestsPerSecond }) => requestsPerSecond.toFixed(1)],
    ["AVG MS", ({ averageLatency }) => orUnknown(averageLatency, tenths)],
    ["FAILURES", ({ failures }) => `${failures}`],
    ["RESTARTS", ({ restarts }) => `${restarts}`],
    ["RSS MIB", ({ rssBytes }) => orUnknown(rssBytes, (b) => tenths(b / MIB))],
    ["CPU S", ({ cpuSeconds }) => orUnknown(cpuSeconds, tenths)],
  ];

/** Returns a few lines about the pool, and a table with a line for each worker. */
export function statusText(metrics: MetricsSnapshot, url: string): string {
  return [...summaryLines(metrics, url), "", ...workerTable(metrics.workers)]
    .join("\n");
}

/** Returns what a worker is doing, in a word. */
export function stateText({ state, spare, former }: WorkerMetrics): string {
  return spare ? "spare" : former ? "former" : state;
}

/** Returns five lines about the pool as a whole. */
export function summaryLines(
  metrics: MetricsSnapshot,
  url: string,
): readonly string[] {
  const { pool, queue, recentLatency, responses } = metrics;
  const up = durationText(metrics.uptimeSeconds);
  const counts = Object.entries(responses)
    .map(([name, count]) => `${name} ${count}`).join(", ");
  return [
    `${url}: ${metrics.state} for ${up}, generation ${metrics.generation}, ` +
    `on ${metrics.transport}`,
    `workers   ${pool.ready} ready of ${pool.desired} wanted ` +
    `(${pool.min} to ${pool.max}), ${pool.spare} spare, ` +
    `${pool.restarts} restarts` +
    (pool.panic ? ", PANIC: most fail their probes" : ""),
    `requests  ${metrics.totalRequests}, ` +
    `${metrics.requestsPerSecond.toFixed(1)} per second, ` +
    `${metrics.inFlight} in flight, ${queue.depth} of ${queue.limit} waiting`,
    `latency   p50 ${milliseconds(recentLatency.p50)}, ` +
    `p99 ${milliseconds(recentLatency.p99)} over ten seconds; ` +
    `p99 ${milliseconds(metrics.latency.p99)} since the start`,
    `responses ${counts}, retries ${metrics.retries}`,
  ];
}

function workerTable(workers: readonly WorkerMetrics[]): readonly string[] {
  const rows = [
    COLUMNS.map(([heading]) => heading),
    ...workers.map((worker) => COLUMNS.map(([, cell]) => cell(worker))),
  ];
  const widths = widthsOf(rows);
  return rows.map((row) =>
    row.map((cell, at) => cell.padStart(widths[at]!)).join("  ")
  );
}

/** Returns words in columns, of which the first row are the headings. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = widthsOf(rows);
  return rows.map((row) =>
    row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd()
  ).join("\n");
}

function widthsOf(rows: readonly (readonly string[])[]): readonly number[] {
  return (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]!.length))
  );
}

function milliseconds(value: number | null): string {
  return orUnknown(value, (ms) => `${tenths(ms)} ms`);
}

/** Returns `13.3`. */
export function tenths(value: number): string {
  return value.toFixed(1);
}

function orUnknown(
  value: number | null,
  text: (value: number) => string,
): string {
  return value === null ? UNKNOWN : text(value);
}
