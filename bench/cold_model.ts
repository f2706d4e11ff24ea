/**
 * What the default makes of more than can be served when it has learnt nothing
 * yet, beside one request a worker with a queue of 300 ms, as HAProxy would
 * have it; in the model of a pool: no clock, the same result each time.
 *
 * `deno run bench/cold_model.ts [--seeds N]`
 *
 * @module
 */

import { DispatchModel } from "../src/simulate/dispatch_model.ts";
import { attach, WORKLOADS } from "../src/simulate/workloads.ts";
import { aligned } from "./support/figures.ts";
import { parseFlags, positive } from "./support/options.ts";

/** Requests that two workers serve in a second. */
const CAPACITY = {
  computing: 298,
  rendering: 686,
  "computing (event loop)": 291,
} as const;

/** How long clients wait, in milliseconds. */
const PATIENCE_MS = [1_000, 2_000];

/** From the start on, in milliseconds. */
const LASTS_MS = 14_000;

const values = parseFlags(Deno.args, {
  seeds: { type: "string", default: "50" },
});
const seeds = positive("--seeds", values.seeds);
const rows = [["load", "patience ms", "served", "worst (seed)", "lost"]];
for (const [name, capacity] of Object.entries(CAPACITY)) {
  for (const patienceMs of PATIENCE_MS) {
    for (const factor of [1.2, 2]) {
      const ratePerSecond = (): number => factor * capacity;
      const workload = { ...WORKLOADS[name]!, ratePerSecond };
      const run = (seed: number, set: boolean) => {
        const model = new DispatchModel({
          ...workload.pool,
          workers: 2,
          policy: "round-robin",
          workerConcurrency: set ? 1 : "auto",
          patienceMs,
          ...(set ? { queueTimeoutMs: 300 } : {}),
        });
        attach(workload, model, seed);
        return model.run(LASTS_MS);
      };
      let lost = 0;
      const ratios = Array.from({ length: seeds }, (_, index) => {
        const found = run(index + 1, false);
        lost += found.givenUp /
          (found.latenciesMs.length + found.rejectionsMs.length +
            found.givenUp);
        return found.latenciesMs.length /
          run(index + 1, true).latenciesMs.length;
      });
      const worst = Math.min(...ratios);
      const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / seeds;
      rows.push([
        `${name}, ${Math.round(100 * factor)} %`,
        String(patienceMs),
        mean.toFixed(3),
        `${worst.toFixed(2)} (${ratios.indexOf(worst) + 1})`,
        `${(100 * lost / seeds).toFixed(1)} %`,
      ]);
    }
  }
}
console.log(aligned(rows).join("\n"));
