/**
 * The figures of `/_metrics` by OpenTelemetry's API, under the same names:
 * Deno's own exporter collects them every so often.
 *
 * To be loaded only when they are wanted.
 *
 * @module
 */

import {
  type BatchObservableResult,
  metrics,
  type Observable,
} from "npm:@opentelemetry/api@^1.10.0";
import type { CollectedMetric } from "../metrics/collected_metric.ts";

/**
 * Has what `collect` returns exported until the returned function is called.
 * A histogram is exported as Prometheus has it: its buckets, sum and count are
 * figures of their own.
 *
 * @param collect All metrics there are: the same each time, with the values of the moment.
 */
export function exportMetrics(
  collect: () => readonly CollectedMetric[],
): () => void {
  const meter = metrics.getMeter("prefork-pool");
  const observables = new Map<string, Observable>();
  for (const { name, help: description, type, values } of collect()) {
    if (type === "counter") {
      observables.set(
        name,
        meter.createObservableCounter(name, { description }),
      );
      continue;
    }
    for (const each of namesOf(name, values)) {
      observables.set(each, meter.createObservableGauge(each, { description }));
    }
  }
  const observe = (result: BatchObservableResult): void => {
    for (const { name, values } of collect()) {
      for (const { metricName = name, labels, value } of values) {
        const observable = observables.get(metricName);
        if (observable !== undefined) result.observe(observable, value, labels);
      }
    }
  };
  const all = [...observables.values()];
  meter.addBatchObservableCallback(observe, all);
  return () => meter.removeBatchObservableCallback(observe, all);
}

/** What the values go by: the metric's own name, also while it has none. */
function namesOf(
  name: string,
  values: CollectedMetric["values"],
): ReadonlySet<string> {
  const names = values.map(({ metricName = name }) => metricName);
  return new Set(names.length === 0 ? [name] : names);
}
