/**
 * What the harness wants to know of a balancer that is compared.
 *
 * @module
 */

import type { Processes, StartedProcess } from "../support/processes.ts";

/** Clients a peer must be able to have at once, where it has a limit: more than any scenario has. */
export const MAX_CLIENTS = 12_000;

/** What a peer is given to start with. */
export interface PeerContext {
  /** Starts what has to be ended with the run. */
  readonly processes: Processes;
  /** A directory of its own that is removed after the run. */
  readonly directory: string;
  /** Port to listen on, on 127.0.0.1. */
  readonly port: number;
  /** Ports of the workers, on 127.0.0.1. */
  readonly originPorts: readonly number[];
  /** For those that spawn their own: starts one like them on the port that stands for `{port}`. */
  readonly originCommand: readonly string[];
}

/** A peer that was started; it may not be ready yet. */
export interface StartedPeer {
  readonly port: number;
  /** Its process, or `null` when it has none of its own. */
  readonly process: StartedProcess | null;
  /** How many different workers answer behind it. */
  readonly workers: number;
  /** The processes whose CPU time and memory are its cost; asked for when it is ready. */
  pids(): readonly number[];
}

/** A balancer, or none. */
export interface Peer {
  readonly name: string;
  /** The program it needs and the Debian package that has it, or `null` when it is always there. */
  readonly needs: {
    readonly program: string;
    readonly debianPackage: string;
    /** Arguments that make it print its version. */
    readonly versionArgs: readonly string[];
  } | null;
  /** Whether it says in forwarding fields who the client is. */
  readonly forwards: boolean;
  /** Starts it. */
  start(context: PeerContext): StartedPeer;
}
