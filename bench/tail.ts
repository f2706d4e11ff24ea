/**
 * How long requests wait for each other: the same CPU-bound applications
 * behind this project and its peers, with arrivals that wait for nobody.
 *
 * `deno task bench:tail [--seconds N] [--rounds N] [--load PERCENTS]
 * [--application NAMES] [--peers NAMES] [--workers N] [--deadline-ms N]
 * [--seed N] [--json FILE] [--markdown FILE]`; see `bench/README.md`.
 *
 * @module
 */

import { machine } from "./machine.ts";
import type { AppPeer } from "./peers/app_peer.ts";
import { haproxyOneEach } from "./peers/haproxy_app.ts";
import { nginxApp } from "./peers/nginx_app.ts";
import { nodeCluster } from "./peers/node_cluster.ts";
import { pm2 } from "./peers/pm2.ts";
import { poolApp } from "./peers/pool_app.ts";
import { watt } from "./peers/watt.ts";
import {
  appVersions,
  installed,
  runApp,
  type RunningApp,
} from "./support/app_run.ts";
import { type Disturbed, leastDisturbed } from "./support/least_disturbed.ts";
import { applications, type LoadedApplication } from "./support/node_apps.ts";
import { named, parseFlags, positive } from "./support/options.ts";
import {
  type BenchmarkContext,
  runBenchmark,
} from "./support/run_benchmark.ts";
import { markdown, plainText } from "./support/table.ts";
import { capacity } from "./tail/calibrate.ts";
import { runLoad } from "./tail/load.ts";
import type { LoadResult } from "./tail/load_result.ts";
import {
  summaries,
  table,
  type TailResult,
  type TailRound,
} from "./tail/report.ts";
import { cpuMs, type PeerWarmUp, warmUp } from "./tail/warm_up.ts";

/** Where there is a queue it shall not be longer than clients are patient: at most a third of a second. */
const MAX_QUEUE = "--max-queue=50";

const NO_CAP = "--worker-concurrency=0";

const PEERS: readonly AppPeer[] = [
  poolApp("default"),
  poolApp("round-robin", NO_CAP),
  poolApp("least-connections", "--policy=least-connections", NO_CAP),
  poolApp("power-of-two", "--policy=power-of-two", NO_CAP),
  poolApp("ip-hash", "--policy=ip-hash"),
  poolApp("one each", "--worker-concurrency=1", MAX_QUEUE),
  ...[2, 4, 8].map((cap) =>
    poolApp(`${cap} each`, `--worker-concurrency=${cap}`, MAX_QUEUE)
  ),
  pm2,
  nodeCluster,
  watt,
  nginxApp(""),
  nginxApp("least_conn"),
  haproxyOneEach,
];

/** What was asked for on the command line. */
interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly workers: number;
  readonly deadlineMs: number;
  readonly seed: number;
  readonly percents: readonly number[];
  readonly applications: readonly LoadedApplication[];
  readonly peers: readonly AppPeer[];
  readonly json: string | null;
  readonly markdown: string | null;
}

/** What came of one application. */
interface ApplicationRun {
  readonly warmUps: readonly PeerWarmUp[];
  readonly results: readonly TailResult[];
}

Deno.exitCode = await runBenchmark(main);

async function main(context: BenchmarkContext): Promise<number> {
  const options = parseOptions(Deno.args);
  const peers = installed(options.peers);
  const runs: ApplicationRun[] = [];
  for (const application of installed(options.applications)) {
    await application.build?.(context.signal);
    runs.push(await run(application, { ...options, peers }, context));
  }
  const tables = summaries(runs.flatMap(({ results }) => results));
  for (const one of tables) console.log(`\n${plainText(one)}`);
  if (options.markdown !== null) {
    await Deno.writeTextFile(
      options.markdown,
      tables.map(markdown).join("\n"),
    );
  }
  if (options.json !== null) writeJson({ ...options, peers }, runs);
  return 0;
}

/** Measures all peers with one application: all run, one at a time is used. */
async function run(
  application: LoadedApplication,
  options: Options,
  { directory, signal }: BenchmarkContext,
): Promise<ApplicationRun> {
  const { workers, seed, deadlineMs } = options;
  const most = application.rate ?? await capacity(application, workers);
  console.log(
    `\n${application.name}: ${application.description}; ` +
      `${workers} workers do ${most.toFixed(0)} requests a second`,
  );
  const fitting = options.peers.filter(({ nodeOnly }) =>
    !nodeOnly || application.shellCommand === undefined
  );
  // deno-lint-ignore no-undef -- newer than the linter's list of globals
  await using started = new AsyncDisposableStack();
  const peers: RunningApp[] = [];
  const warmUps: PeerWarmUp[] = [];
  const load = { deadlineMs, targets: application.targets };
  for (const peer of fitting) {
    const running = started.use(
      await runApp(peer, { application, workers, directory }),
    );
    peers.push(running);
    const warmUpLoad = { ...load, port: running.port, capacity: most, seed };
    warmUps.push(await warmUp(running, warmUpLoad, signal));
  }
  const results: TailResult[] = [];
  for (const percent of options.percents) {
    const rate = most * percent / 100;
    const result = await measure(
      peers,
      options,
      async (port, round) =>
        await runLoad(
          { ...load, port, rate, seconds: options.seconds, seed: seed + round },
          signal,
        ),
    );
    results.push({
      application: application.name,
      percent,
      rate,
      seconds: options.seconds,
      peers: result,
    });
    console.log(`\n${table(results.at(-1)!)}`);
  }
  return { warmUps, results };
}

/** Rounds in turns, each with the same arrivals for all, so that a disturbance falls on all. */
async function measure(
  peers: readonly RunningApp[],
  { rounds }: Options,
  load: (port: number, round: number) => Promise<LoadResult>,
): Promise<TailResult["peers"]> {
  const results = peers.map(({ peer }) => ({
    peer: peer.name,
    rounds: [] as Disturbed<TailRound>[],
  }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, peer] of peers.entries()) {
      results[index]!.rounds.push(
        await leastDisturbed(async () => {
          const before = cpuMs(peer);
          const result = await load(peer.port, round);
          const used = cpuMs(peer) - before;
          return { ...result, cpuMs: used, limit: await peer.app.limit?.() };
        }),
      );
    }
  }
  return results;
}

function parseOptions(args: readonly string[]): Options {
  const values = parseFlags(args, {
    seconds: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    workers: { type: "string", default: "2" },
    "deadline-ms": { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    load: { type: "string", default: "50,70,85,120" },
    application: { type: "string" },
    peers: { type: "string" },
    json: { type: "string" },
    markdown: { type: "string" },
  });
  return {
    seconds: positive("--seconds", values.seconds),
    rounds: positive("--rounds", values.rounds),
    workers: positive("--workers", values.workers),
    deadlineMs: positive("--deadline-ms", values["deadline-ms"]),
    seed: positive("--seed", values.seed),
    percents: values.load.split(",").map((text) => positive("--load", text)),
    applications: named("--application", applications(), values.application),
    peers: named("--peers", PEERS, values.peers),
    json: values.json ?? null,
    markdown: values.markdown ?? null,
  };
}

function writeJson(options: Options, runs: readonly ApplicationRun[]): void {
  const { seconds, rounds, workers, deadlineMs, seed, peers, json } = options;
  const report = {
    machine: machine(appVersions(peers)),
    seconds,
    rounds,
    workers,
    deadlineMs,
    seed,
    warmUps: runs.flatMap(({ warmUps }) => warmUps),
    results: runs.flatMap(({ results }) => results),
  };
  Deno.writeTextFileSync(json!, JSON.stringify(report, null, 2) + "\n");
}
