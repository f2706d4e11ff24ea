/**
 * `WORKER_CONCURRENCY=auto` beside fixed caps, on work that computes, that
 * waits, and that computes for very different times.
 *
 * `deno run -A bench/concurrency.ts [--workloads NAMES] [--seconds N]
 * [--rounds N] [--clients N]`; figures are in `docs/dispatch.md`. Needs `wrk`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { freePort } from "../test/support/free_port.ts";
import { aligned, figure, median } from "./support/figures.ts";
import { untilIdle } from "./support/foreign_cpu.ts";
import { named, parseFlags, positive } from "./support/options.ts";
import { poolCommand } from "./support/pool_command.ts";
import { Processes } from "./support/processes.ts";
import {
  type BenchmarkContext,
  runBenchmark,
} from "./support/run_benchmark.ts";
import { waitFor } from "./support/wait_for.ts";
import type { LoadResult } from "./support/wrk.ts";

/** Caps in the order of the table. */
const CAPS = ["auto", "1", "2", "4", "8", "16", "32", "64", "0"];

/** Workers of each pool. */
const WORKERS = 2;

/** Load before the first round: code is to be compiled, ... */
const WARM_UP_SECONDS = 1;

/** ... and `auto` has to find its limit. */
const SEARCH_SECONDS = 8;

/** How much less than the best throughput still counts as serving all: others have no latency to compare. */
const FULL_THROUGHPUT = 0.93;

/** What the demo application is asked for. */
interface Workload {
  readonly name: string;
  readonly path: string;
  /** Asked for at random instead. */
  readonly otherPath: string;
  /** How many of a hundred requests are for that. */
  readonly otherPercent: number;
}

const WORKLOADS: readonly Workload[] = [
  {
    name: "computing",
    path: "/burn?ms=3",
    otherPath: "/burn?ms=3",
    otherPercent: 0,
  },
  {
    name: "waiting",
    path: "/slow?ms=50",
    otherPath: "/slow?ms=50",
    otherPercent: 0,
  },
  {
    name: "mixed",
    path: "/burn?ms=3",
    otherPath: "/burn?ms=40",
    otherPercent: 10,
  },
];

/** A pool with one of the caps. */
interface RunningPool {
  readonly cap: string;
  readonly port: number;
  readonly rounds: LoadResult[];
}

/** What was asked for on the command line. */
interface Options {
  readonly workloads: readonly Workload[];
  readonly seconds: number;
  readonly rounds: number;
  readonly clients: number;
}

Deno.exit(await runBenchmark(run));

async function run({ signal }: BenchmarkContext): Promise<number> {
  const options = parseOptions(Deno.args);
  for (const workload of options.workloads) {
    await using processes = new Processes();
    const pools: RunningPool[] = [];
    for (const cap of CAPS) pools.push(await startPool(processes, cap));
    for (const pool of pools) {
      const seconds = pool.cap === "auto" ? SEARCH_SECONDS : WARM_UP_SECONDS;
      await load(pool, workload, { ...options, seconds, signal });
    }
    // In turns, so that a disturbance falls on all.
    for (let round = 0; round < options.rounds; round++) {
      for (const pool of pools) {
        // Workers without a cap still work off what they were given.
        await untilIdle();
        pool.rounds.push(await load(pool, workload, { ...options, signal }));
      }
    }
    const limit = await foundLimit(pools[0]!);
    console.log(`\n${workload.name}\n${table(pools, limit)}`);
  }
  return 0;
}

async function startPool(
  processes: Processes,
  cap: string,
): Promise<RunningPool> {
  const port = freePort();
  const pool = processes.start(poolCommand({
    main: fileURLToPath(new URL("../tools/prefork-pool.ts", import.meta.url)),
    port,
    workers: WORKERS,
    flags: [`--worker-concurrency=${cap}`],
  }));
  await waitFor(
    () => isReady(port),
    () => `the pool with ${cap}: ${pool.output}`,
  );
  return { cap, port, rounds: [] };
}

async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/_ready`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    // It does not listen yet.
    return false;
  }
}

async function load(
  { port }: RunningPool,
  { path, otherPath, otherPercent }: Workload,
  { seconds, clients, signal }: {
    readonly seconds: number;
    readonly clients: number;
    readonly signal: AbortSignal;
  },
): Promise<LoadResult> {
  const script = new URL("support/two_paths.lua", import.meta.url);
  const { stdout } = await new Deno.Command("wrk", {
    args: [
      "--threads=1",
      `--connections=${clients}`,
      `--duration=${seconds}s`,
      `--script=${fileURLToPath(script)}`,
      `http://127.0.0.1:${port}`,
      "--",
      path,
      otherPath,
      String(otherPercent),
    ],
    signal,
  }).output();
  signal.throwIfAborted();
  const line = new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1);
  return JSON.parse(line ?? "");
}

async function foundLimit({ port }: RunningPool): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/_metrics`);
  const { queue } = await response.json();
  return queue.concurrency;
}

function table(pools: readonly RunningPool[], limit: number): string {
  const measured = pools.map(({ cap, rounds }) => ({
    cap: cap === "auto" ? `auto (${limit})` : cap === "0" ? "none" : cap,
    throughput: median(
      rounds.map((round) => round.requests * 1e6 / round.durationMicros),
    ),
    p99Ms: median(rounds.map((round) => round.p99Micros / 1000)),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
  }));
  const fixed = measured.slice(1);
  const throughput = Math.max(...fixed.map((row) => row.throughput));
  const p99Ms = Math.min(
    ...fixed.filter((row) => row.throughput >= FULL_THROUGHPUT * throughput)
      .map((row) => row.p99Ms),
  );
  return aligned([
    ["cap", "requests/s", "of the best", "p99 ms", "of the best", "errors"],
    ...measured.map((row) => [
      row.cap,
      figure(row.throughput, 0),
      figure(row.throughput / throughput, 2),
      figure(row.p99Ms, 1),
      figure(row.p99Ms / p99Ms, 2),
      String(row.errors),
    ]),
  ]).join("\n");
}

function parseOptions(args: readonly string[]): Options {
  const values = parseFlags(args, {
    workloads: { type: "string" },
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    clients: { type: "string", default: "64" },
  });
  return {
    workloads: named("--workloads", WORKLOADS, values.workloads),
    seconds: positive("--seconds", values.seconds),
    rounds: positive("--rounds", values.rounds),
    clients: positive("--clients", values.clients),
  };
}
