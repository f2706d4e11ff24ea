/**
 * Load before the first round that counts.
 *
 * @module
 */

import type { RunningApp } from "../support/app_run.ts";
import { figure } from "../support/figures.ts";
import { cpuTime, markedProcesses } from "../support/proc_stat.ts";
import { type Settling, untilSettled } from "../support/until_settled.ts";
import { runLoad } from "./load.ts";
import type { LoadSpec } from "./load_result.ts";

const SECONDS = 2;

/** Of what the workers can do: at more their queue would be what is compared. */
const SHARE = 0.5;

const ROUNDS = { atLeast: 2, atMost: 10 };

/** What is sent, beside how much of it. */
export interface WarmUpLoad extends Omit<LoadSpec, "rate" | "seconds"> {
  /** Requests a second that the workers can do. */
  readonly capacity: number;
}

/** How a peer became warm; the rounds are milliseconds of CPU a request. */
export interface PeerWarmUp extends Settling {
  readonly application: string;
  readonly peer: string;
}

/**
 * Sends the same arrivals again and again until two rounds agree, within 10 %,
 * in what CPU a request costs the peer with its workers: unlike a latency it
 * says nothing of queues, and falls for as long as the engines compile.
 */
export async function warmUp(
  running: RunningApp,
  { capacity, ...load }: WarmUpLoad,
  signal: AbortSignal,
): Promise<PeerWarmUp> {
  const { peer, application } = running;
  const spec = { ...load, rate: SHARE * capacity, seconds: SECONDS };
  const settling = await untilSettled(async () => {
    const before = cpuMs(running);
    const { succeeded } = await runLoad(spec, signal);
    return (cpuMs(running) - before) / succeeded;
  }, ROUNDS);
  const { rounds, settled } = settling;
  console.log(
    `${peer.name}: ${settled ? "warm" : "NOT warm"} after ${rounds.length} ` +
      `rounds, ${figure(rounds.at(-1)!, 2, " ms")} of CPU a request`,
  );
  return { application: application.name, peer: peer.name, ...settling };
}

/** CPU time of everything that belongs to a run, in milliseconds. */
export function cpuMs({ mark, app }: RunningApp): number {
  // A balancer may have no environment, or have written its title over it.
  const pids = new Set([...markedProcesses(mark), ...app.pids()]);
  const { user, system } = cpuTime([...pids]);
  return (user + system) / 1000;
}
