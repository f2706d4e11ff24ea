/**
 * Figures as OTLP has them, in JSON: what a collector takes at `/v1/metrics`
 * (opentelemetry-proto, `metrics/v1`).
 *
 * @module
 */

import type { CollectedMetric, Labels } from "../metrics/collected_metric.ts";

/** What records them is called, as it is for spans. */
const SCOPE = "prefork-pool";

/** `AGGREGATION_TEMPORALITY_CUMULATIVE`: since the start, as Prometheus counts. */
const CUMULATIVE = 2;

/** What figures go with. */
export interface MetricsContext {
  /** What exports them, by OpenTelemetry's names. */
  readonly resource: Readonly<Record<string, string>>;
  /** When counting began, and now: milliseconds since 1970. */
  readonly startedAt: number;
  readonly now: number;
}

/** The times of a data point. */
interface Times {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

/** The request that exports `metrics`; those that have no value yet are not in it. */
export function metricsRequest(
  metrics: readonly CollectedMetric[],
  { resource, startedAt, now }: MetricsContext,
): unknown {
  const times = {
    startTimeUnixNano: nanoseconds(startedAt),
    timeUnixNano: nanoseconds(now),
  };
  return {
    resourceMetrics: [{
      resource: { attributes: attributesOf(resource) },
      scopeMetrics: [{
        scope: { name: SCOPE },
        metrics: metrics
          .filter(({ values }) => values.length > 0)
          .map((metric) => metricOf(metric, times)),
      }],
    }],
  };
}

function metricOf(metric: CollectedMetric, times: Times): unknown {
  const { name, help: description, type } = metric;
  switch (type) {
    case "counter": {
      const dataPoints = pointsOf(metric, times);
      const kind = { aggregationTemporality: CUMULATIVE, isMonotonic: true };
      return { name, description, sum: { ...kind, dataPoints } };
    }
    case "gauge":
      return {
        name,
        description,
        gauge: { dataPoints: pointsOf(metric, times) },
      };
    case "histogram": {
      const dataPoints = [{ ...times, ...histogramPoint(metric) }];
      const histogram = { aggregationTemporality: CUMULATIVE, dataPoints };
      return { name, description, histogram };
    }
  }
}

function pointsOf({ values }: CollectedMetric, times: Times): unknown[] {
  return values.map(({ labels, value }) => ({
    ...times,
    attributes: attributesOf(labels),
    asDouble: value,
  }));
}

/** Prometheus counts what is within a bound; OTLP what is between two of them. */
function histogramPoint(
  { name, values }: CollectedMetric,
): Record<string, unknown> {
  const buckets = values.filter(({ metricName }) =>
    metricName === `${name}_bucket`
  );
  const valueOf = (suffix: string): number =>
    values.find(({ metricName }) => metricName === name + suffix)?.value ?? 0;
  return {
    count: `${valueOf("_count")}`,
    sum: valueOf("_sum"),
    bucketCounts: buckets.map(({ value }, index) =>
      `${value - (buckets[index - 1]?.value ?? 0)}`
    ),
    explicitBounds: buckets
      .map(({ labels }) => Number(labels["le"]))
      .filter(Number.isFinite),
  };
}

function attributesOf(labels: Labels): unknown[] {
  return Object.entries(labels).map(([key, value]) => ({
    key,
    value: { stringValue: value },
  }));
}

/** Integers of 64 bits are texts in JSON. */
function nanoseconds(milliseconds: number): string {
  return `${BigInt(Math.round(milliseconds)) * 1_000_000n}`;
}
