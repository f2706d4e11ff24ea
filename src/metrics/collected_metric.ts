/**
 * Metrics as the Prometheus client library collects them.
 *
 * Knows nothing of which there are.
 *
 * @module
 */

import type { LatencyHistogram } from "../shared/latency_histogram.ts";

/** Names and values of labels. */
export type Labels = Readonly<Record<string, string>>;

/** One line: its labels and its value. */
export type Sample = readonly [labels: Labels, value: number];

/** What the library asks of a metric. */
export interface CollectedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly values: readonly Value[];
}

/** One line of it. */
export interface Value {
  /** Where it is not that of the metric. */
  readonly metricName?: string;
  readonly labels: Labels;
  readonly value: number;
}

/**
 * Bounds of the buckets, in milliseconds: from what a cached response takes to a
 * minute. Powers of two, for which the counts are exact.
 */
const BOUNDS_MS: readonly number[] = Array.from(
  { length: 19 },
  (_, index) => 2 ** (index - 2),
);

/** Something that only grows: one value, or one for each set of labels. */
export function counter(
  name: string,
  help: string,
  samples: number | readonly Sample[],
): CollectedMetric {
  return { name, help, type: "counter", values: valuesOf(samples) };
}

/** Something that rises and falls. */
export function gauge(
  name: string,
  help: string,
  samples: number | readonly Sample[],
): CollectedMetric {
  return { name, help, type: "gauge", values: valuesOf(samples) };
}

/** Durations, in seconds. */
export function histogram(
  name: string,
  help: string,
  latency: LatencyHistogram,
): CollectedMetric {
  const bucket = (le: string, value: number): Value => ({
    metricName: `${name}_bucket`,
    labels: { le },
    value,
  });
  const values = [
    ...BOUNDS_MS.map((boundMs) =>
      bucket(`${boundMs / 1000}`, latency.countWithin(boundMs))
    ),
    bucket("+Inf", latency.count),
    { metricName: `${name}_sum`, labels: {}, value: latency.sumMs / 1000 },
    { metricName: `${name}_count`, labels: {}, value: latency.count },
  ];
  return { name, help, type: "histogram", values };
}

function valuesOf(samples: number | readonly Sample[]): readonly Value[] {
  if (typeof samples === "number") return [{ labels: {}, value: samples }];
  return samples.map(([labels, value]) => ({ labels, value }));
}
