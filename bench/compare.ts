/**
 * Compares the balancer with its peers in one run: CPU per request first.
 *
 * `deno task bench [--seconds N] [--rounds N] [--scenario NAMES]
 * [--peers NAMES] [--workers N] [--json FILE]`; see `bench/README.md`.
 *
 * @module
 */

import { join } from "node:path";
import { freePort } from "../test/support/free_port.ts";
import { hasProgram } from "../test/support/programs.ts";
import { machine, versions } from "./machine.ts";
import { measure, type RunningPeer } from "./measure.ts";
import { PEERS } from "./peers/mod.ts";
import type { Peer } from "./peers/peer.ts";
import { type ScenarioResult, table } from "./report.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import {
  messageOf,
  named,
  parseFlags,
  positive,
  RunError,
} from "./support/options.ts";
import { originCommand } from "./support/origin_command.ts";
import {
  type BenchmarkContext,
  runBenchmark,
} from "./support/run_benchmark.ts";
import { Processes } from "./support/processes.ts";
import { waitUntilAnswering } from "./verify.ts";

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
  const peers = await startPeers(options, { directory, processes, signal });
  const results: ScenarioResult[] = [];
  for (const scenario of options.scenarios) {
    const result = await measure(scenario, peers, { ...options, signal });
    console.log(`\n${table(result)}`);
    results.push(result);
  }
  return results;
}

/** Starts the workers and every peer that is installed. */
async function startPeers(
  { peers, workers }: Options,
  { directory, processes, signal }: {
    readonly directory: string;
    readonly processes: Processes;
    readonly signal: AbortSignal;
  },
): Promise<RunningPeer[]> {
  const originPorts = Array.from({ length: workers }, () => freePort());
  for (const port of originPorts) processes.start(originCommand(String(port)));
  const running: RunningPeer[] = [];
  for (const peer of peers) {
    const { needs } = peer;
    if (needs !== null && !hasProgram(needs.program)) {
      console.log(
        `Passed over: ${peer.name} (apt-get install ${needs.debianPackage})`,
      );
      continue;
    }
    const own = join(directory, peer.name);
    // nginx changes its user and must still get at its files.
    await Deno.mkdir(own, { mode: 0o755 });
    const port = freePort();
    const started = peer.start({
      processes,
      directory: own,
      port,
      originPorts,
    });
    try {
      await waitUntilAnswering(started, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw new RunError(`Cannot start ${peer.name}: ${messageOf(error)}`);
    }
    running.push({ peer, started });
  }
  return running;
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

/** Without these nothing can be measured. */
function requirePrograms(): void {
  if (Deno.build.os !== "linux") {
    throw new RunError("Cannot measure CPU time: this needs Linux' /proc");
  }
  if (navigator.hardwareConcurrency < 2) {
    throw new RunError(
      "Cannot measure: the balancer and the load need a core each, and there is one",
    );
  }
  for (
    const [program, debianPackage] of [["wrk", "wrk"], [
      "taskset",
      "util-linux",
    ]] as const
  ) {
    if (!hasProgram(program)) {
      throw new RunError(
        `Cannot find ${program}: apt-get install ${debianPackage}`,
      );
    }
  }
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
