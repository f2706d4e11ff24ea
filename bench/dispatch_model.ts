/**
 * What the default makes of each kind of load, beside every cap that could
 * have been set, in a model of a pool: no clock, the same result each time.
 *
 * `deno run bench/dispatch_model.ts [--seeds N] [--workloads NAMES]`
 *
 * @module
 */

import { type CapOutcome, FIXED_CAPS, runCap } from "./support/compare_caps.ts";
import { WORKLOADS } from "../src/simulate/workloads.ts";
import { named, parseFlags, positive } from "./support/options.ts";
import { aligned } from "./support/figures.ts";

/** How much less than the best throughput still counts as serving all: others have no latency to compare. */
const FULL_THROUGHPUT = 0.93;

const values = parseFlags(Deno.args, {
  seeds: { type: "string", default: "50" },
  workloads: { type: "string" },
});
const seeds = positive("--seeds", values.seeds);
const chosen = named(
  "--workloads",
  Object.entries(WORKLOADS).map(([name, workload]) => ({ name, workload })),
  values.workloads,
);
const rows = [[
  "load",
  "best cap",
  "p99 ms",
  "auto p99 ms",
  "of the best",
  "worst (seed)",
  "none p99 ms",
  "throughput",
  "worst (seed)",
  "503",
  "limit at the end",
]];
for (const { name, workload } of chosen) {
  const runs = Array.from({ length: seeds }, (_, index) => {
    const stretch = { ...workload.stretch, seed: index + 1 };
    return {
      auto: runCap(workload, "auto", stretch),
      fixed: FIXED_CAPS.map((cap) => runCap(workload, cap, stretch)),
    };
  });
  rows.push([name, ...rowOf(runs)]);
  console.error(rows.at(-1)!.join(" | "));
}
console.log(aligned(rows).join("\n"));

/** The cap that is best over all seeds, as somebody would set it, and what the default brings beside. */
function rowOf(
  runs: readonly {
    readonly auto: CapOutcome;
    readonly fixed: readonly CapOutcome[];
  }[],
): string[] {
  const most = Math.max(
    ...FIXED_CAPS.map((_, cap) =>
      mean(runs.map(({ fixed }) => fixed[cap]!.throughput))
    ),
  );
  const p99Ms = (cap: number): number =>
    mean(runs.map(({ fixed }) => fixed[cap]!.p99Ms));
  const best = FIXED_CAPS.map((_, cap) => cap).filter((cap) =>
    mean(runs.map(({ fixed }) => fixed[cap]!.throughput)) >=
      FULL_THROUGHPUT * most
  ).reduce((a, b) => p99Ms(b) < p99Ms(a) ? b : a);
  const slower = runs.map(({ auto, fixed }) => auto.p99Ms / fixed[best]!.p99Ms);
  const fewer = runs.map(({ auto, fixed }) =>
    auto.throughput / fixed[best]!.throughput
  );
  const worst = slower.indexOf(Math.max(...slower));
  const fewest = fewer.indexOf(Math.min(...fewer));
  const limits = runs.map(({ auto }) => auto.concurrency || Infinity)
    .sort((a, b) => a - b);
  const shown = (limit: number): string =>
    limit === Infinity ? "none" : String(limit);
  const autoP99Ms = mean(runs.map(({ auto }) => auto.p99Ms));
  return [
    FIXED_CAPS[best] === 0 ? "none" : String(FIXED_CAPS[best]),
    p99Ms(best).toFixed(1),
    autoP99Ms.toFixed(1),
    (autoP99Ms / p99Ms(best)).toFixed(2),
    `${slower[worst]!.toFixed(2)} (${worst + 1})`,
    p99Ms(FIXED_CAPS.length - 1).toFixed(1),
    mean(fewer).toFixed(3),
    `${fewer[fewest]!.toFixed(2)} (${fewest + 1})`,
    String(runs.reduce((sum, { auto }) => sum + auto.rejected, 0)),
    `${shown(limits[0]!)} to ${shown(limits.at(-1)!)}`,
  ];
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}
