/**
 * Lets requests come upon a pool with these settings, and counts what becomes
 * of them. Pure.
 *
 * @module
 */

import type { PolicyName } from "../upstream/policy/mod.ts";
import { DispatchModel, type DispatchModelOptions } from "./dispatch_model.ts";
import type { TracedRequest } from "./request_trace.ts";
import { attach, type Workload } from "./workloads.ts";

/** Settings of a pool, as far as they concern dispatch. */
export interface DispatchSettings {
  readonly poolSize: number;
  readonly policy: PolicyName;
  readonly workerConcurrency: number | "auto";
  readonly maxQueue: number;
  readonly queueTimeoutMs: number;
}

/** What the load is: a kind of it, or requests one by one. */
export type DispatchLoad =
  | { readonly type: "workload"; readonly workload: Workload }
  | { readonly type: "requests"; readonly requests: readonly TracedRequest[] };

/** What became of the requests. */
export interface DispatchSimulation {
  readonly served: number;
  readonly rejected: number;
  readonly givenUp: number;
  /** Of those that were served, in milliseconds; `null` when none was. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly longestMs: number | null;
  /** Requests per worker at the end; 0 is no limit. */
  readonly concurrency: number;
}

/** Requests under way when the last has come are waited for, but not for ever, in milliseconds. */
const LINGER_MS = 120_000;

/** The same numbers each time. */
const SEED = 1;

/** Runs a load over a pool. */
export function simulateDispatch(
  load: DispatchLoad,
  settings: DispatchSettings,
  workers: Pick<DispatchModelOptions, "threads" | "patienceMs">,
): DispatchSimulation {
  const model = new DispatchModel({
    ...settings,
    ...workers,
    ...(load.type === "workload" ? load.workload.pool : {}),
    workers: settings.poolSize,
  });
  let lastsMs: number;
  if (load.type === "workload") {
    const { warmUpMs, measuredMs } = load.workload.stretch;
    attach(load.workload, model, SEED);
    lastsMs = warmUpMs + measuredMs;
  } else {
    for (const request of load.requests) {
      model.at(request.atMs, () => model.request(request));
    }
    lastsMs = load.requests.at(-1)!.atMs + LINGER_MS;
  }
  const { latenciesMs, rejectionsMs, givenUp, concurrency } = model.run(
    lastsMs,
  );
  const quantile = (ratio: number): number | null =>
    latenciesMs[Math.floor(latenciesMs.length * ratio)] ?? null;
  return {
    served: latenciesMs.length,
    rejected: rejectionsMs.length,
    givenUp,
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
    longestMs: latenciesMs.at(-1) ?? null,
    concurrency,
  };
}
