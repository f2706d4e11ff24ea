/**
 * What adapting the requests at once brings beside each cap that could have
 * been set, on the same load. Pure.
 *
 * @module
 */

import {
  DispatchModel,
  type DispatchOutcome,
} from "../../src/simulate/dispatch_model.ts";
import { attach, type Workload } from "../../src/simulate/workloads.ts";

/** Caps that somebody might set; 0 is none. */
export const FIXED_CAPS: readonly number[] = [1, 2, 4, 8, 16, 64, 0];

/** What one pool did with a load. */
export interface CapOutcome {
  readonly cap: number | "auto";
  /** Requests served in a second. */
  readonly throughput: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests that were turned away. */
  readonly rejected: number;
  /** The limit at the end; 0 is none. */
  readonly concurrency: number;
}

/** How long a load lasts. */
export interface Stretch {
  /** Before anything counts, in milliseconds. */
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

/** Workers of the model. */
const WORKERS = 2;

/** Lets `workload` come upon workers with a cap. */
export function runCap(
  workload: Workload,
  cap: number | "auto",
  { seed, warmUpMs, measuredMs }: Stretch & { readonly seed: number },
): CapOutcome {
  const model = new DispatchModel({
    workers: WORKERS,
    policy: "round-robin",
    workerConcurrency: cap,
    ...workload.pool,
    // A cap that is set by hand is to be compared with as it is meant.
    ...(cap === "auto" ? {} : { maxQueue: Infinity, queueTimeoutMs: Infinity }),
  });
  attach(workload, model, seed);
  const before = model.run(warmUpMs);
  const outcome = model.run(measuredMs);
  return {
    cap,
    throughput: outcome.latenciesMs.length / measuredMs * 1000,
    p50Ms: quantile(outcome, 0.5),
    p99Ms: quantile(outcome, 0.99),
    rejected: before.rejectionsMs.length + outcome.rejectionsMs.length,
    concurrency: outcome.concurrency,
  };
}

/** Returns what `ratio` of the latencies do not exceed. */
export function quantile(
  { latenciesMs }: Pick<DispatchOutcome, "latenciesMs">,
  ratio: number,
): number {
  return latenciesMs[Math.floor(latenciesMs.length * ratio)] ?? NaN;
}
