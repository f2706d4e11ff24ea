/**
 * Measuring peers that run: checked first, warmed up, then in turns, so that
 * whatever else the machine does falls on all of them.
 *
 * @module
 */

import type { Peer, StartedPeer } from "./peers/peer.ts";
import type { PeerResult, Round, ScenarioResult } from "./report.ts";
import type { Scenario } from "./scenarios.ts";
import { type CpuTime, cpuTime, rssBytes } from "./support/proc_stat.ts";
import { runWrk } from "./support/wrk.ts";
import { findFault } from "./verify.ts";

/** How long the engine gets to compile what it runs often. */
const WARM_UP_SECONDS = 1;

/** How long and how often to measure. */
export interface MeasureOptions {
  /** Length of one round of one peer. */
  readonly seconds: number;
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/** A peer that answers. */
export interface RunningPeer {
  readonly peer: Peer;
  readonly started: StartedPeer;
}

/** Measures all peers in one scenario. */
export async function measure(
  scenario: Scenario,
  peers: readonly RunningPeer[],
  { seconds, rounds, signal }: MeasureOptions,
): Promise<ScenarioResult> {
  const results: (PeerResult & { readonly rounds: Round[] })[] = [];
  for (const { peer, started } of peers) {
    const fault = await findFault(peer, started, scenario);
    results.push({ peer: peer.name, rounds: [], fault });
    if (fault === null) await warmUp(scenario, started, signal);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [index, { started }] of peers.entries()) {
      const result = results[index]!;
      if (result.fault !== null) continue;
      result.rounds.push(
        await measureRound(scenario, started, { seconds, signal }),
      );
    }
  }
  return { scenario, peers: results };
}

/** Lets the engine compile what it will run. */
export async function warmUp(
  scenario: Scenario,
  { port }: StartedPeer,
  signal: AbortSignal,
): Promise<void> {
  await runWrk(scenario, { port, seconds: WARM_UP_SECONDS, signal });
}

/** Measures a peer that is warm once. */
export async function measureRound(
  scenario: Scenario,
  { port, pids: pidsOf }: StartedPeer,
  { seconds, signal }: Pick<MeasureOptions, "seconds" | "signal">,
): Promise<Round> {
  const pids = pidsOf();
  const before = cpuTime(pids);
  const load = await runWrk(scenario, { port, seconds, signal });
  const after = cpuTime(pids);
  const { requests, durationMicros, p50Micros, p99Micros, errors } = load;
  const cpu: CpuTime | null = pids.length === 0 ? null : {
    user: after.user - before.user,
    system: after.system - before.system,
  };
  return {
    requests,
    requestsPerSecond: requests / (durationMicros / 1e6),
    p50Micros,
    p99Micros,
    errors,
    userMicrosPerRequest: cpu === null ? null : cpu.user / requests,
    cpuMicrosPerRequest: cpu === null
      ? null
      : (cpu.user + cpu.system) / requests,
    coreRatio: cpu === null ? null : (cpu.user + cpu.system) / durationMicros,
    rssBytes: pids.length === 0 ? null : rssBytes(pids),
  };
}
