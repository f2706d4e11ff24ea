/**
 * Compares the balancer with its peers in one run: CPU per request first.
 *
 * `deno task bench [--seconds N] [--rounds N] [--scenario NAMES]
 * [--peers NAMES] [--workers N] [--json FILE]`; see `bench/README.md`.
 *
 * @module
 */

import { freePort } from "../test/support/free_port.ts";
import { machine, versions } from "./machine.ts";
import { measure } from "./measure.ts";
import { PEERS } from "./peers/mod.ts";
import type { Peer } from "./peers/peer.ts";
import { type ScenarioResult, table } from "./report.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { installedPeers, requirePrograms, startPeers } from "./start_peers.ts";
import { named, parseFlags, positive } from "./support/options.ts";
import { originCommand } from "./support/origin_command.ts";
import {
  type BenchmarkContext,
  runBenchmark,
} from "./support/run_benchmark.ts";
import { Processes } from "./support/processes.ts";

/** What was asked for on the command line. */
interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly workers: number;
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly Peer[];
  readonly json: string | null;
}

Deno.exitCode = await runBenchmark(main);

async function main(context: BenchmarkContext): Promise<number> {
  const options = parseOptions(Deno.args);
  requirePrograms();
  const results = await compare(options, context);
  if (options.json !== null) writeJson(options, results);
  const measured = results.flatMap(({ peers }) => peers);
  return measured.every(({ fault }) => fault === null) ? 0 : 1;
}

async function compare(
  options: Options,
  { signal, directory }: BenchmarkContext,
): Promise<ScenarioResult[]> {
  await using processes = new Processes();
  const originPorts = Array.from({ length: options.workers }, () => freePort());
  for (const port of originPorts) processes.start(originCommand(String(port)));
  const peers = await startPeers(installedPeers(options.peers), {
    processes,
    directory,
    originPorts,
    signal,
  });
  const results: ScenarioResult[] = [];
  for (const scenario of options.scenarios) {
    const result = await measure(scenario, peers, { ...options, signal });
    console.log(`\n${table(result)}`);
    results.push(result);
  }
  return results;
}

function parseOptions(args: readonly string[]): Options {
  const values = parseFlags(args, {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    workers: { type: "string", default: "2" },
    scenario: { type: "string" },
    peers: { type: "string" },
    json: { type: "string" },
  });
  return {
    seconds: positive("--seconds", values.seconds),
    rounds: positive("--rounds", values.rounds),
    workers: positive("--workers", values.workers),
    scenarios: named("--scenario", SCENARIOS, values.scenario),
    peers: named("--peers", PEERS, values.peers),
    json: values.json ?? null,
  };
}

function writeJson(options: Options, results: readonly ScenarioResult[]): void {
  const { seconds, rounds, workers, peers, json } = options;
  const report = {
    machine: machine(versions(peers)),
    seconds,
    rounds,
    workers,
    results,
  };
  Deno.writeTextFileSync(json!, JSON.stringify(report, null, 2) + "\n");
}
