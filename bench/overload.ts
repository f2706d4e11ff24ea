/**
 * More requests than can be served: twice the capacity, and a flood of
 * connections.
 *
 * `deno task bench:overload [--cold] [--seconds N] [--rounds N] [--connections N]
 * [--peers NAMES] [--workers N] [--seed N] [--json FILE]`; see
 * `bench/README.md`.
 *
 * @module
 */

import { machine } from "./machine.ts";
import { measureCold } from "./overload/cold.ts";
import type { FloodResult, FloodSpec } from "./overload/flood_result.ts";
import {
  type FloodRound,
  floodTable,
  type Memory,
  type OverloadRound,
  overloadTable,
  type PeerResult,
} from "./overload/report.ts";
import type { AppPeer } from "./peers/app_peer.ts";
import { haproxyOneEach } from "./peers/haproxy_app.ts";
import { nginxApp } from "./peers/nginx_app.ts";
import { poolApp } from "./peers/pool_app.ts";
import {
  appVersions,
  installed,
  runApp,
  type RunningApp,
} from "./support/app_run.ts";
import { generate } from "./support/generator.ts";
import { applications, type LoadedApplication } from "./support/node_apps.ts";
import { type Disturbed, leastDisturbed } from "./support/least_disturbed.ts";
import { named, parseFlags, positive } from "./support/options.ts";
import { peakRssBytes, resetPeakRss, rssBytes } from "./support/proc_stat.ts";
import {
  type BenchmarkContext,
  runBenchmark,
} from "./support/run_benchmark.ts";
import { throughput } from "./tail/calibrate.ts";
import { runLoad } from "./tail/load.ts";

/** Arrivals for each request that can be served. */
const OVERLOAD = 2;

/** Longest wait of a client. Those of the flood all come at once and wait for each other. */
const DEADLINE_MS = 2000;
const FLOOD_DEADLINE_MS = 30_000;

/** After the load, before the memory is looked at again. */
const SETTLE_MS = 2000;

const PEERS: readonly AppPeer[] = [
  poolApp("one each", "--worker-concurrency=1", "--max-queue=16"),
  poolApp("auto", "--worker-concurrency=auto", "--max-queue=16"),
  haproxyOneEach,
  nginxApp("least_conn"),
];

/** What was asked for on the command line. */
interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  readonly workers: number;
  readonly seed: number;
  /** Whether peers that have only just started are measured instead. */
  readonly cold: boolean;
  readonly peers: readonly AppPeer[];
  readonly json: string | null;
}

Deno.exitCode = await runBenchmark(main);

async function main({ directory, signal }: BenchmarkContext): Promise<number> {
  const options = parseOptions(Deno.args);
  const { workers, rounds } = options;
  const application = applications()[0]!;
  if (options.cold) {
    await measureCold({ ...options, application, directory, signal });
    return 0;
  }
  // deno-lint-ignore no-undef -- newer than the linter's list of globals
  await using started = new AsyncDisposableStack();
  const peers: RunningApp[] = [];
  for (const peer of installed(options.peers)) {
    peers.push(
      started.use(await runApp(peer, { application, workers, directory })),
    );
  }
  const inTurns = async <Round>(
    measure: (peer: RunningApp, round: number) => Promise<Round>,
  ): Promise<PeerResult<Round>[]> => {
    const results = peers.map(({ peer }) => ({
      peer: peer.name,
      rounds: [] as Disturbed<Round>[],
    }));
    for (let round = 0; round < rounds; round++) {
      for (const [index, peer] of peers.entries()) {
        results[index]!.rounds.push(
          await leastDisturbed(() => measure(peer, round)),
        );
      }
    }
    return results;
  };
  const given = { ...options, application, signal };
  const overload = await inTurns((peer, round) =>
    measureOverload(peer, given, round)
  );
  console.log(`\n${overloadTable(overload)}`);
  const flood = await inTurns((peer, round) =>
    measureFlood(peer, given, round)
  );
  console.log(`\n${floodTable(flood)}`);
  if (options.json !== null) {
    writeJson(options, peers.map(({ peer }) => peer), { overload, flood });
  }
  return 0;
}

/** The options with what is needed beside them. */
interface Given extends Options {
  readonly application: LoadedApplication;
  readonly signal: AbortSignal;
}

async function measureOverload(
  { port, app }: RunningApp,
  { application, workers, seconds, seed, signal }: Given,
  round: number,
): Promise<OverloadRound> {
  // Also warms up, so that the memory before is that of a peer at work.
  const capacity = await throughput(Array(workers).fill(port), application);
  const [load, memory] = await withMemory(app.pids(), () =>
    runLoad({
      port,
      rate: OVERLOAD * capacity,
      seconds,
      seed: seed + round,
      deadlineMs: DEADLINE_MS,
      targets: application.targets,
    }, signal));
  return { capacity, seconds, load, ...memory };
}

async function measureFlood(
  { port, app }: RunningApp,
  { application, connections, seed, signal }: Given,
  round: number,
): Promise<FloodRound> {
  const spec: FloodSpec = {
    port,
    clients: connections,
    seed: seed + round,
    deadlineMs: FLOOD_DEADLINE_MS,
    targets: application.targets,
  };
  const [flood, memory] = await withMemory(
    app.pids(),
    () => generate<FloodResult>("overload/flood_main.ts", spec, signal),
  );
  return { flood, ...memory };
}

/** Does something and says what it did to the memory of the processes. */
async function withMemory<T>(
  pids: readonly number[],
  action: () => Promise<T>,
): Promise<[T, Memory]> {
  resetPeakRss(pids);
  const beforeBytes = rssBytes(pids);
  const result = await action();
  const peakBytes = peakRssBytes(pids);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return [result, { beforeBytes, peakBytes, afterBytes: rssBytes(pids) }];
}

function parseOptions(args: readonly string[]): Options {
  const values = parseFlags(args, {
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "5000" },
    workers: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    cold: { type: "boolean", default: false },
    peers: { type: "string" },
    json: { type: "string" },
  });
  return {
    seconds: positive("--seconds", values.seconds),
    rounds: positive("--rounds", values.rounds),
    connections: positive("--connections", values.connections),
    workers: positive("--workers", values.workers),
    seed: positive("--seed", values.seed),
    cold: values.cold,
    peers: named("--peers", PEERS, values.peers),
    json: values.json ?? null,
  };
}

function writeJson(
  options: Options,
  peers: readonly AppPeer[],
  results: unknown,
): void {
  const { seconds, rounds, connections, workers, seed, json } = options;
  const report = {
    machine: machine(appVersions(peers)),
    seconds,
    rounds,
    connections,
    workers,
    seed,
    results,
  };
  Deno.writeTextFileSync(json!, JSON.stringify(report, null, 2) + "\n");
}
