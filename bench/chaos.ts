/**
 * Kills workers and reloads them under load, and counts what the clients
 * notice: this project beside its peers.
 *
 * `deno task bench:chaos [--kills N] [--reloads N] [--scenario NAMES]
 * [--peers NAMES] [--workers N] [--clients N] [--seed N] [--json FILE]`; see
 * `bench/README.md`.
 *
 * @module
 */

import { Random } from "../test/fuzz/random.ts";
import {
  type Disturbances,
  killWorkers,
  reload,
  type Subject,
} from "./chaos/disturbance.ts";
import { effectFaults } from "./chaos/effects.ts";
import { Load } from "./chaos/load.ts";
import { type ChaosResult, table } from "./chaos/report.ts";
import type { AppPeer } from "./peers/app_peer.ts";
import { gunicorn } from "./peers/gunicorn.ts";
import { nodeCluster } from "./peers/node_cluster.ts";
import { pm2 } from "./peers/pm2.ts";
import { poolApp } from "./peers/pool_app.ts";
import { appVersions, installed, runApp } from "./support/app_run.ts";
import {
  type BenchmarkContext,
  runBenchmark,
} from "./support/run_benchmark.ts";
import { epochMs } from "./support/epoch.ts";
import { ForeignCpu } from "./support/foreign_cpu.ts";
import { machine } from "./machine.ts";
import { named, parseFlags, positive } from "./support/options.ts";
import { peerFile } from "./support/programs.ts";

/** Longest wait of a client; twice what PM2 gives a worker to stop. */
const CLIENT_DEADLINE_MS = 10_000;

/** Load before the first disturbance: the engines get to compile what they run. */
const WARM_UP_MS = 1000;

const PEERS: readonly AppPeer[] = [
  poolApp(""),
  poolApp("spare", "--spare-workers=1"),
  pm2,
  nodeCluster,
  gunicorn,
];

/** What was asked for on the command line. */
interface Options {
  readonly kills: number;
  readonly reloads: number;
  readonly workers: number;
  readonly clients: number;
  readonly seed: number;
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly AppPeer[];
  readonly json: string | null;
}

/** One way to disturb a peer. */
interface Scenario {
  readonly name: string;
  readonly disturb: (
    subject: Subject,
    options: Options,
  ) => Promise<Disturbances>;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: "kill",
    disturb: (subject, { kills, seed }) =>
      killWorkers(subject, { count: kills, random: new Random(seed, 0) }),
  },
  {
    name: "reload",
    disturb: (subject, { reloads }) => reload(subject, reloads),
  },
];

Deno.exitCode = await runBenchmark(main);

async function main(context: BenchmarkContext): Promise<number> {
  const options = parseOptions(Deno.args);
  const peers = installed(options.peers);
  const results: Record<string, ChaosResult[]> = {};
  for (const scenario of options.scenarios) {
    const ofScenario: ChaosResult[] = [];
    for (const peer of peers) {
      ofScenario.push(await run(scenario, peer, options, context));
    }
    console.log(`\n${table(scenario.name, ofScenario)}`);
    results[scenario.name] = ofScenario;
  }
  if (options.json !== null) writeJson(options, peers, results);
  return 0;
}

/** Starts a peer, lets clients use it, disturbs it, and counts. */
async function run(
  scenario: Scenario,
  peer: AppPeer,
  options: Options,
  { directory, signal }: BenchmarkContext,
): Promise<ChaosResult> {
  const { workers, clients, seed } = options;
  const effects = await Deno.makeTempDir({ dir: directory });
  const application = {
    name: "chaos",
    program: peerFile("apps/chaos_app.mjs"),
    env: { EFFECTS_DIRECTORY: effects },
  };
  await using running = await runApp(peer, { application, workers, directory });
  const { app, port, mark } = running;
  await using load = new Load({
    port,
    clients,
    seed,
    deadlineMs: CLIENT_DEADLINE_MS,
  });
  const startMs = epochMs();
  const foreign = new ForeignCpu();
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const subject = { app, load, workers, mark, signal };
  const disturbances = await scenario.disturb(subject, options);
  const seconds = (epochMs() - startMs) / 1000;
  const foreignCpu = foreign.share();
  const { get, post, answeredPosts } = await load.stop();
  return {
    peer: peer.name,
    seconds,
    get,
    post,
    effects: effectFaults(effects, answeredPosts),
    disturbances,
    foreignCpu,
  };
}

function parseOptions(args: readonly string[]): Options {
  const values = parseFlags(args, {
    kills: { type: "string", default: "60" },
    reloads: { type: "string", default: "20" },
    workers: { type: "string", default: "4" },
    clients: { type: "string", default: "16" },
    seed: { type: "string", default: "1" },
    scenario: { type: "string" },
    peers: { type: "string" },
    json: { type: "string" },
  });
  return {
    kills: positive("--kills", values.kills),
    reloads: positive("--reloads", values.reloads),
    workers: positive("--workers", values.workers),
    clients: positive("--clients", values.clients),
    seed: positive("--seed", values.seed),
    scenarios: named("--scenario", SCENARIOS, values.scenario),
    peers: named("--peers", PEERS, values.peers),
    json: values.json ?? null,
  };
}

function writeJson(
  options: Options,
  peers: readonly AppPeer[],
  results: Readonly<Record<string, readonly ChaosResult[]>>,
): void {
  const { kills, reloads, workers, clients, seed, json } = options;
  const report = {
    machine: machine(appVersions(peers)),
    kills,
    reloads,
    workers,
    clients,
    seed,
    results,
  };
  Deno.writeTextFileSync(json!, JSON.stringify(report, null, 2) + "\n");
}
