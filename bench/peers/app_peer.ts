/**
 * What the harness wants to know of a program that runs an application with
 * several workers: a balancer with its workers behind it, or a supervisor.
 *
 * @module
 */

import type { Processes } from "../support/processes.ts";
import { nodeProgram } from "../support/programs.ts";

/** A server program that is run behind every peer. */
export interface Application {
  readonly name: string;
  /** Program for Node; it listens on 127.0.0.1 at the port in `PORT`. */
  readonly program: string;
  /** What runs it where that is not Node: a command for a shell that finds the port in `PORT`. */
  readonly shellCommand?: string;
  /** What it finds in its environment beside `PORT`. */
  readonly env: Readonly<Record<string, string>>;
}

/** The command of one worker. */
export function workerCommand(
  { program, shellCommand }: Application,
): readonly string[] {
  return shellCommand === undefined
    ? [nodeProgram(), program]
    : ["sh", "-c", `exec ${shellCommand}`];
}

/** What a peer is given to start with. */
export interface AppContext {
  /** Starts what has to be ended with the run. */
  readonly processes: Processes;
  /** A directory of its own that is removed after the run. */
  readonly directory: string;
  /** Port to listen on, on 127.0.0.1. */
  readonly port: number;
  readonly application: Application;
  readonly workers: number;
}

/** A peer that was started; it may not be ready yet. */
export interface StartedApp {
  /** What it has written, for the message when it does not answer. */
  output(): string;
  /** The processes that are the balancer's or supervisor's own, not the workers. */
  pids(): readonly number[];
  /** Asks it to replace all workers; may return before that is done. */
  reload(): Promise<void>;
  /** Requests in flight for each worker beyond which others wait, where it finds that out by itself. */
  limit?(): Promise<number>;
}

/** A program that runs an application with several workers. */
export interface AppPeer {
  readonly name: string;
  /** Whether it runs nothing but programs for Node. */
  readonly nodeOnly?: true;
  /** What to install when something is missing, otherwise `null`. */
  missing(): string | null;
  /** Its version, in a line. Called only when nothing is missing. */
  version(): string;
  /** Starts it. */
  start(context: AppContext): Promise<StartedApp>;
}

/** For peers that are never asked to. */
export function noReload(): Promise<void> {
  return Promise.reject(new Error("Cannot reload: not written for this peer"));
}
