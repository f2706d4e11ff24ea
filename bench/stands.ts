/**
 * Test stands: workers with every peer in front of them, up for as long as
 * they are measured.
 *
 * @module
 */

import { join } from "node:path";
import { freePort } from "../test/support/free_port.ts";
import { hasProgram } from "../test/support/programs.ts";
import type { RunningPeer } from "./measure.ts";
import type { Peer } from "./peers/peer.ts";
import { LIGHT_WORKERS, MANY_WORKERS, type StandName } from "./scenarios.ts";
import { messageOf, RunError } from "./support/options.ts";
import {
  type OriginKind,
  type Origins,
  startOrigins,
} from "./support/origins.ts";
import { Processes } from "./support/processes.ts";
import { waitUntilAnswering } from "./verify.ts";

/** Which workers, and how many. */
export interface Stand {
  readonly origins: OriginKind;
  readonly workers: number;
}

/** The stands of the scenarios, where the usual one has so many workers. */
export function standsOf(workers: number): Readonly<Record<StandName, Stand>> {
  return {
    usual: { origins: "full", workers },
    light: { origins: "light", workers: LIGHT_WORKERS },
    many: { origins: "light", workers: MANY_WORKERS },
  };
}

/** What stands are built from. */
export interface StandsOptions {
  readonly peers: readonly Peer[];
  /** A directory in which each stand gets one of its own. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** A stand that is up. */
interface BuiltStand {
  readonly stand: Stand;
  readonly peers: readonly RunningPeer[];
  readonly processes: Processes;
}

/** The stands that are up; those no longer wanted are taken down. */
export class Stands implements AsyncDisposable {
  readonly #options: StandsOptions;
  #built: readonly BuiltStand[] = [];

  /** Nothing is started yet. */
  constructor(options: StandsOptions) {
    this.#options = options;
  }

  /**
   * The peers of each of `wanted`, in that order. All of these stands are up
   * then, and no other.
   *
   * @throws {RunError} when a peer does not start.
   */
  async provide(
    wanted: readonly Stand[],
  ): Promise<ReadonlyMap<Stand, readonly RunningPeer[]>> {
    const obsolete = this.#built.filter(({ stand }) => !wanted.includes(stand));
    this.#built = this.#built.filter((built) => !obsolete.includes(built));
    for (const { processes } of obsolete) {
      await processes[Symbol.asyncDispose]();
    }
    for (const stand of wanted) {
      if (this.#built.some((built) => built.stand === stand)) continue;
      await this.#build(stand);
    }
    return new Map(this.#built.map(({ stand, peers }) => [stand, peers]));
  }

  /** Takes all of them down. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.provide([]);
  }

  async #build(stand: Stand): Promise<void> {
    const { peers: all, directory: parent, signal } = this.#options;
    const directory = await Deno.makeTempDir({ dir: parent });
    // nginx changes its user and must still get at its files.
    await Deno.chmod(directory, 0o755);
    const processes = new Processes();
    const peers: RunningPeer[] = [];
    // Known before anything is started, so that all of it is ended.
    this.#built = [...this.#built, { stand, peers, processes }];
    const { origins: kind, workers } = stand;
    const origins = startOrigins(kind, workers, { processes, directory });
    for (const peer of all) {
      peers.push(
        await startPeer(peer, { processes, directory, origins, signal }),
      );
    }
  }
}

/** What a peer is started with. */
export interface StartOptions {
  readonly processes: Processes;
  /** A directory in which it gets one of its own. */
  readonly directory: string;
  readonly origins: Origins;
  readonly signal: AbortSignal;
}

/**
 * Starts a peer and waits until it answers.
 *
 * @throws {RunError} with what it has written when it does not.
 */
export async function startPeer(
  peer: Peer,
  { processes, directory: parent, origins, signal }: StartOptions,
): Promise<RunningPeer> {
  const directory = join(parent, peer.name);
  // nginx changes its user and must still get at its files.
  await Deno.mkdir(directory, { mode: 0o755 });
  const started = peer.start({
    processes,
    directory,
    port: freePort(),
    originPorts: origins.ports,
    originCommand: origins.command,
  });
  try {
    await waitUntilAnswering(started, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new RunError(`Cannot start ${peer.name}: ${messageOf(error)}`);
  }
  return { peer, started };
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
