/**
 * Metrics of the balancer's own process, under the names that every Prometheus
 * client library has for them, and of which program it is.
 *
 * @module
 */

import type { OwnUsage } from "../system/own_usage.ts";
import {
  type CollectedMetric,
  counter,
  gauge,
  type Sample,
} from "./collected_metric.ts";
import type { MetricsSnapshot } from "./metrics_snapshot.ts";

/** Where they come from. */
export interface BalancerSources {
  readonly snapshot: MetricsSnapshot;
  readonly usage: OwnUsage;
}

/** Returns them. */
export function balancerMetrics(
  { snapshot, usage }: BalancerSources,
): readonly CollectedMetric[] {
  const { version, name } = snapshot.instance;
  return [
    gauge(
      "prefork_build_info",
      "Always 1; the labels say which version runs, and as what.",
      [[{ version, deno: Deno.version.deno, pool: name ?? "" }, 1]],
    ),
    gauge(
      "prefork_transport_info",
      "Always 1; the label says what drives the connections.",
      [[{ transport: snapshot.transport }, 1]],
    ),
    gauge(
      "prefork_draining",
      "1 from the moment the pool is asked to stop.",
      Number(snapshot.state === "draining" || snapshot.state === "stopped"),
    ),
    counter(
      "process_cpu_seconds_total",
      "CPU time the balancer has used, user and system.",
      usage.cpuSeconds,
    ),
    gauge(
      "process_resident_memory_bytes",
      "Resident memory of the balancer.",
      usage.residentBytes,
    ),
    gauge(
      "process_start_time_seconds",
      "When the balancer was started, since the Unix epoch.",
      usage.startedAtSeconds,
    ),
    gauge(
      "process_open_fds",
      "File descriptors the balancer has open, with -A only.",
      knownOnly(usage.openDescriptors),
    ),
    gauge(
      "process_max_fds",
      "File descriptors it may have open, with -A only.",
      knownOnly(usage.maxDescriptors),
    ),
  ];
}

function knownOnly(value: number | null): readonly Sample[] {
  return value === null ? [] : [[{}, value]];
}
