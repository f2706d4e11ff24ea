/**
 * Measuring peers that run: checked first, warmed up, then in turns, so that
 * whatever else the machine does falls on all of them.
 *
 * @module
 */

import type { Peer, StartedPeer } from "./peers/peer.ts";
import type { PeerResult, Round, ScenarioResult } from "./results.ts";
import type { Scenario } from "./scenarios.ts";
import { cpuTime, machineCpuMicros, rssBytes } from "./support/proc_stat.ts";
import { runWrk } from "./support/wrk.ts";
import { findFault } from "./verify.ts";

/** How long the engine gets to compile what it runs often: a pool serves for days. */
const WARM_UP_SECONDS = 8;

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

/** One peer in one scenario. */
interface Entry {
  readonly scenario: Scenario;
  readonly started: StartedPeer;
  readonly rounds: Round[];
  readonly fault: string | null;
}

/**
 * Measures all peers in the scenarios of a group, all in turns.
 *
 * @param peersOf The peers with the workers that a scenario wants.
 */
export async function measure(
  group: readonly Scenario[],
  peersOf: (scenario: Scenario) => readonly RunningPeer[],
  options: MeasureOptions,
): Promise<ScenarioResult[]> {
  const entries: Entry[] = [];
  const results: ScenarioResult[] = [];
  for (const scenario of group) {
    const peers: PeerResult[] = [];
    for (const { peer, started } of peersOf(scenario)) {
      const fault = await findFault(peer, started, scenario);
      if (fault === null) await warmUp(scenario, started, options.signal);
      const rounds: Round[] = [];
      entries.push({ scenario, started, rounds, fault });
      peers.push({ peer: peer.name, rounds, fault });
    }
    results.push({ scenario, peers });
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const { scenario, started, rounds, fault } of entries) {
      if (fault !== null) continue;
      rounds.push(await measureRound(scenario, started, options));
    }
  }
  return results;
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
  let before = cpuTime(pids);
  let machineBefore = machineCpuMicros();
  const load = await runWrk(scenario, {
    port,
    seconds,
    signal,
    onSettled: () => {
      before = cpuTime(pids);
      machineBefore = machineCpuMicros();
    },
  });
  const after = cpuTime(pids);
  const machine = machineCpuMicros() - machineBefore;
  const machineMicrosPerRequest = machine / load.requests;
  const { durationMicros, ...rest } = load;
  const requestsPerSecond = load.requests / (durationMicros / 1e6);
  const measured = { ...rest, requestsPerSecond, machineMicrosPerRequest };
  if (pids.length === 0) return { ...measured, ...NO_COST };
  const user = after.user - before.user;
  const cpu = user + after.system - before.system;
  return {
    ...measured,
    userMicrosPerRequest: user / load.requests,
    cpuMicrosPerRequest: cpu / load.requests,
    coreRatio: cpu / durationMicros,
    waitRatio: (after.waited - before.waited) / durationMicros,
    rssBytes: rssBytes(pids),
  };
}

/** Where there is no balancer. */
const NO_COST = {
  userMicrosPerRequest: null,
  cpuMicrosPerRequest: null,
  coreRatio: null,
  waitRatio: null,
  rssBytes: null,
} as const;
