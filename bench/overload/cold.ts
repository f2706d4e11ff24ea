/**
 * More than can be served by a peer that has only just started, and has
 * learnt nothing yet.
 *
 * @module
 */

import type { AppPeer } from "../peers/app_peer.ts";
import { haproxyOneEach } from "../peers/haproxy_app.ts";
import { poolApp } from "../peers/pool_app.ts";
import { installed, runApp } from "../support/app_run.ts";
import { type Disturbed, leastDisturbed } from "../support/least_disturbed.ts";
import type { LoadedApplication } from "../support/node_apps.ts";
import { capacity } from "../tail/calibrate.ts";
import { runLoad } from "../tail/load.ts";
import type { LoadResult } from "../tail/load_result.ts";
import { type PeerResult, table } from "../tail/report.ts";

/** Arrivals for each request that the workers can serve with nothing before them. */
const FACTORS = [1.2, 2];

/** Longest wait of a client. */
const DEADLINE_MS = 1000;

const PEERS: readonly AppPeer[] = [
  poolApp(""),
  poolApp("one each", "--worker-concurrency=1", "--queue-timeout-ms=300"),
  poolApp("no cap", "--worker-concurrency=0"),
  haproxyOneEach,
];

/** How it is measured. */
export interface ColdOptions {
  readonly application: LoadedApplication;
  readonly workers: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly seed: number;
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** Prints a table for each load; each peer is started anew for each round. */
export async function measureCold(options: ColdOptions): Promise<void> {
  const { application, workers, seconds, rounds, seed, signal } = options;
  const most = await capacity(application, workers);
  for (const factor of FACTORS) {
    const rate = factor * most;
    const peers = installed(PEERS).map((peer): PeerResult & {
      readonly rounds: Disturbed<LoadResult>[];
    } => ({ peer: peer.name, rounds: [] }));
    for (let round = 0; round < rounds; round++) {
      for (const [index, peer] of installed(PEERS).entries()) {
        peers[index]!.rounds.push(
          await leastDisturbed(async () => {
            await using app = await runApp(peer, options);
            return await runLoad({
              port: app.port,
              rate,
              seconds,
              seed: seed + round,
              deadlineMs: DEADLINE_MS,
              targets: application.targets,
            }, signal);
          }),
        );
      }
    }
    const percent = Math.round(100 * factor);
    const { name } = application;
    console.log(
      `\n${table({ application: name, percent, rate, seconds, peers })}`,
    );
  }
}
