/**
 * What the default makes of more than can be served, when it has learnt nothing
 * yet, and when it comes all at once after a usual load; beside one request a
 * worker with a queue of 300 ms, as HAProxy would have it. In the model of a
 * pool: no clock, the same result each time. On an uneven machine others have the
 * CPU now and then.
 *
 * `deno run bench/overload_model.ts [--seeds N]`
 *
 * @module
 */

import {
  DispatchModel,
  type DispatchOutcome,
} from "../src/simulate/dispatch_model.ts";
import { attach, WORKLOADS } from "../src/simulate/workloads.ts";
import { quantile } from "./support/compare_caps.ts";
import { aligned } from "./support/figures.ts";
import { parseFlags, positive } from "./support/options.ts";
import { unevenMachine } from "./support/uneven_machine.ts";

/** Requests that two workers serve in a second. */
const CAPACITY = {
  computing: 298,
  rendering: 686,
  "computing (event loop)": 291,
} as const;

/** How long clients wait, in milliseconds. */
const PATIENCE_MS = [1_000, 2_000, Infinity];

/** Clients that each wait for their response, before; none is a cold start. */
const CLIENTS_BEFORE = [0, 16];

/** For how long, in milliseconds. */
const BEFORE_MS = 6_000;

/** From then on, in milliseconds. */
const LASTS_MS = 14_000;

/** A load. */
interface Load {
  readonly name: keyof typeof CAPACITY;
  readonly factor: number;
  readonly patienceMs: number;
  readonly clientsBefore: number;
  readonly uneven: boolean;
}

const values = parseFlags(Deno.args, {
  seeds: { type: "string", default: "50" },
});
const seeds = positive("--seeds", values.seeds);
const rows = [[
  "load",
  "machine",
  "clients before",
  "patience ms",
  "served",
  "worst (seed)",
  "lost",
  "worst (seed)",
  "p50 ms",
  "p99 ms",
  "503 p99 ms",
]];
for (const name of Object.keys(CAPACITY) as (keyof typeof CAPACITY)[]) {
  for (const clientsBefore of CLIENTS_BEFORE) {
    for (const patienceMs of PATIENCE_MS) {
      for (const factor of [1.2, 2]) {
        for (const uneven of [false, true]) {
          rows.push(rowOf({ name, factor, patienceMs, clientsBefore, uneven }));
        }
      }
    }
  }
}
console.log(aligned(rows).join("\n"));

function run(
  { name, factor, patienceMs, clientsBefore, uneven }: Load,
  { seed, set }: { readonly seed: number; readonly set: boolean },
): DispatchOutcome {
  const since = clientsBefore === 0 ? 0 : BEFORE_MS;
  const workload = {
    ...WORKLOADS[name]!,
    clients: (now: number) => now < since ? clientsBefore : 0,
    ratePerSecond: (now: number) => now < since ? 0 : factor * CAPACITY[name],
  };
  const model = new DispatchModel({
    ...workload.pool,
    ...(uneven ? { slowness: unevenMachine(seed, { workers: "each" }) } : {}),
    workers: 2,
    policy: "round-robin",
    workerConcurrency: set ? 1 : "auto",
    patienceMs,
    ...(set ? { queueTimeoutMs: 300 } : {}),
  });
  attach(workload, model, seed);
  model.run(since);
  return model.run(LASTS_MS);
}

function rowOf(load: Load): string[] {
  const runs = Array.from({ length: seeds }, (_, index) => {
    const found = run(load, { seed: index + 1, set: false });
    const set = run(load, { seed: index + 1, set: true });
    const { latenciesMs, rejectionsMs, givenUp } = found;
    return {
      found,
      lost: givenUp / (latenciesMs.length + rejectionsMs.length + givenUp),
      served: latenciesMs.length / set.latenciesMs.length,
    };
  });
  const meanOf = (figure: (run: typeof runs[number]) => number): number =>
    runs.reduce((sum, run) => sum + figure(run), 0) / seeds;
  const lostMost = Math.max(...runs.map(({ lost }) => lost));
  const worst = Math.min(...runs.map(({ served }) => served));
  return [
    `${load.name}, ${Math.round(100 * load.factor)} %`,
    load.uneven ? "uneven" : "even",
    load.clientsBefore === 0 ? "-" : String(load.clientsBefore),
    load.patienceMs === Infinity ? "-" : String(load.patienceMs),
    meanOf(({ served }) => served).toFixed(3),
    `${worst.toFixed(2)} (${
      runs.findIndex(({ served }) => served === worst) + 1
    })`,
    `${(100 * meanOf(({ lost }) => lost)).toFixed(1)} %`,
    `${(100 * lostMost).toFixed(1)} (${
      runs.findIndex(({ lost }) => lost === lostMost) + 1
    })`,
    meanOf(({ found }) => quantile(found, 0.5)).toFixed(0),
    meanOf(({ found }) => quantile(found, 0.99)).toFixed(0),
    meanOf(({ found }) => quantile({ latenciesMs: found.rejectionsMs }, 0.99))
      .toFixed(1),
  ];
}
