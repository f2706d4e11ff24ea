/**
 * Compares two checkouts of this project: is the second cheaper?
 *
 * `deno task bench:ab A B [--scenario NAMES] [--seconds N] [--rounds N]
 * [--workers N] [--env-a NAME=VALUE]... [--env-b NAME=VALUE]...`, where A and B
 * are directories of checkouts, or their `tools/prefork-pool.ts`, and may be the
 * same with other settings; see `bench/README.md`.
 *
 * @module
 */

import { join, resolve } from "node:path";
import {
  type MeasureOptions,
  measureRound,
  type RunningPeer,
  warmUp,
} from "./measure.ts";
import { poolOf } from "./peers/prefork_pool.ts";
import type { Round } from "./results.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { Stands, standsOf } from "./stands.ts";
import { figure, median, quantile } from "./support/figures.ts";
import {
  named,
  parseCommandLine,
  positive,
  RunError,
} from "./support/options.ts";
import { requireMachine } from "./support/requirements.ts";
import {
  type BenchmarkContext,
  runBenchmark,
} from "./support/run_benchmark.ts";
import { plainText, type Table } from "./support/table.ts";
import { findFault } from "./verify.ts";

const PROGRAM = "tools/prefork-pool.ts";

type Environment = Readonly<Record<string, string>>;

/** What was asked for on the command line. */
interface Options {
  readonly programs: readonly [a: string, b: string];
  /** Added to the environment of either. */
  readonly envs: readonly [a: Environment, b: Environment];
  readonly seconds: number;
  readonly rounds: number;
  readonly workers: number;
  readonly scenarios: readonly Scenario[];
}

/** One round of each, run one after the other. */
interface Pair {
  readonly a: Round;
  readonly b: Round;
}

/** What is compared of a round; microseconds, but for the throughput. */
const FIGURES: readonly (readonly [
  name: string,
  digits: number,
  of: (round: Round) => number,
])[] = [
  ["CPU µs/req", 2, (round) => round.cpuMicrosPerRequest!],
  ["user", 2, (round) => round.userMicrosPerRequest!],
  [
    "system",
    2,
    (round) => round.cpuMicrosPerRequest! - round.userMicrosPerRequest!,
  ],
  ["req/s", 0, (round) => round.requestsPerSecond],
  ["p50 µs", 0, (round) => round.p50Micros],
  ["p99 µs", 0, (round) => round.p99Micros],
];

Deno.exitCode = await runBenchmark(main);

async function main({ signal, directory }: BenchmarkContext): Promise<number> {
  const options = parseOptions(Deno.args);
  requireMachine();
  const [a, b] = options.programs;
  const [envA, envB] = options.envs;
  const kinds = standsOf(options.workers);
  // Each spawns its own workers, all of this checkout's.
  await using stands = new Stands({
    peers: [poolOf("A", a, { env: envA }), poolOf("B", b, { env: envB })],
    directory,
    signal,
  });
  for (const scenario of options.scenarios) {
    const stand = kinds[scenario.stand];
    const peers = (await stands.provide([stand])).get(stand)!;
    const pairs = await measurePairs(scenario, peers, { ...options, signal });
    console.log(`\n${plainText(table(scenario, pairs))}`);
  }
  return 0;
}

async function measurePairs(
  scenario: Scenario,
  peers: readonly RunningPeer[],
  options: MeasureOptions,
): Promise<Pair[]> {
  const [a, b] = peers as [RunningPeer, RunningPeer];
  for (const { peer, started } of peers) {
    const fault = await findFault(peer, started, scenario);
    if (fault !== null) {
      throw new RunError(
        `Cannot compare: ${peer.name} answers wrongly: ${fault}`,
      );
    }
    await warmUp(scenario, started, options.signal);
  }
  const round = ({ started }: RunningPeer): Promise<Round> =>
    measureRound(scenario, started, options);
  const pairs: Pair[] = [];
  for (let i = 0; i < options.rounds; i++) {
    // A B, B A: what drifts in one direction falls on both alike.
    if (i % 2 === 0) {
      const first = await round(a);
      pairs.push({ a: first, b: await round(b) });
    } else {
      const first = await round(b);
      pairs.push({ a: await round(a), b: first });
    }
  }
  return pairs;
}

/** Medians of either, and of the ratio in each pair with its middle half. */
function table(scenario: Scenario, pairs: readonly Pair[]): Table {
  const rows = FIGURES.map(([name, digits, of]) => {
    const ratios = pairs.map(({ a, b }) => of(b) / of(a));
    const between = (low: number, high: number): string =>
      `${figure(quantile(ratios, low), 3)} - ${
        figure(quantile(ratios, high), 3)
      }`;
    return [
      name,
      figure(median(pairs.map(({ a }) => of(a))), digits),
      figure(median(pairs.map(({ b }) => of(b))), digits),
      figure(median(ratios), 3),
      between(0.25, 0.75),
      between(0, 1),
    ];
  });
  const errors = pairs.reduce((sum, { a, b }) => sum + a.errors + b.errors, 0);
  const { name, description, connections } = scenario;
  return {
    title:
      `${name}: ${description}, ${connections} clients, ${pairs.length} pairs`,
    rows: [
      ["", "A", "B", "B/A", "middle half", "min - max"],
      ...rows,
      ...(errors > 0 ? [["", `${errors} requests FAILED`]] : []),
    ],
  };
}

function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseCommandLine(args, {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "8" },
    workers: { type: "string", default: "2" },
    scenario: { type: "string", default: "small" },
    "env-a": { type: "string", multiple: true, default: [] },
    "env-b": { type: "string", multiple: true, default: [] },
  });
  const [a, b, ...rest] = positionals;
  if (a === undefined || b === undefined || rest.length > 0) {
    throw new RunError("Cannot compare: name two checkouts, A and B");
  }
  return {
    programs: [programOf(a), programOf(b)],
    envs: [variables(values["env-a"]), variables(values["env-b"])],
    seconds: positive("--seconds", values.seconds),
    rounds: positive("--rounds", values.rounds),
    workers: positive("--workers", values.workers),
    scenarios: named("--scenario", SCENARIOS, values.scenario),
  };
}

/** `NAME=VALUE` each. */
function variables(assignments: readonly string[]): Environment {
  return Object.fromEntries(assignments.map((assignment) => {
    const at = assignment.indexOf("=");
    if (at > 0) return [assignment.slice(0, at), assignment.slice(at + 1)];
    throw new RunError(`Cannot set ${assignment}: write NAME=VALUE`);
  }));
}

/** The program of a checkout, which may be named itself. */
function programOf(path: string): string {
  const program = path.endsWith(".ts") ? path : join(path, PROGRAM);
  try {
    Deno.statSync(program);
  } catch {
    throw new RunError(`Cannot compare ${path}: there is no ${program}`);
  }
  return resolve(program);
}
