/**
 * From a list of peers to peers that answer.
 *
 * @module
 */

import { join } from "node:path";
import { freePort } from "../test/support/free_port.ts";
import { hasProgram } from "../test/support/programs.ts";
import type { RunningPeer } from "./measure.ts";
import type { Peer } from "./peers/peer.ts";
import { messageOf, RunError } from "./support/options.ts";
import type { Processes } from "./support/processes.ts";
import { waitUntilAnswering } from "./verify.ts";

/** What peers are started with. */
export interface StartOptions {
  readonly processes: Processes;
  /** Directory in which each gets one of its own. */
  readonly directory: string;
  /** Ports of the workers that those share which spawn none. */
  readonly originPorts: readonly number[];
  readonly signal: AbortSignal;
}

/** Those that are installed; the others are named with what to install. */
export function installedPeers(peers: readonly Peer[]): readonly Peer[] {
  return peers.filter(({ name, needs }) => {
    if (needs === null || hasProgram(needs.program)) return true;
    console.log(
      `Passed over: ${name} (apt-get install ${needs.debianPackage})`,
    );
    return false;
  });
}

/**
 * Starts the peers and waits until they answer.
 *
 * @throws {RunError} with what it has written when one does not.
 */
export async function startPeers(
  peers: readonly Peer[],
  { processes, directory, originPorts, signal }: StartOptions,
): Promise<RunningPeer[]> {
  const running: RunningPeer[] = [];
  for (const peer of peers) {
    const own = join(directory, peer.name);
    // nginx changes its user and must still get at its files.
    await Deno.mkdir(own, { mode: 0o755 });
    const started = peer.start({
      processes,
      directory: own,
      port: freePort(),
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

/** Without these nothing can be measured. @throws {RunError} naming what is missing. */
export function requirePrograms(): void {
  if (Deno.build.os !== "linux") {
    throw new RunError("Cannot measure CPU time: this needs Linux' /proc");
  }
  if (navigator.hardwareConcurrency < 2) {
    throw new RunError(
      "Cannot measure: the balancer and the load need a core each, and there is one",
    );
  }
  for (
    const [program, debianPackage] of [
      ["wrk", "wrk"],
      ["taskset", "util-linux"],
    ] as const
  ) {
    if (!hasProgram(program)) {
      throw new RunError(
        `Cannot find ${program}: apt-get install ${debianPackage}`,
      );
    }
  }
}
