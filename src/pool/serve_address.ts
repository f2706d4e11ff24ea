/**
 * Which workers are moved to their port by `DENO_SERVE_ADDRESS`.
 *
 * Deno puts the first HTTP server of every process that has this variable to
 * the address in it, whatever port the program names, and children inherit
 * it. So it may move the wrong server: one of figures, or of a helper. It is
 * given only to a program on Deno that has been seen to listen on one other
 * port, and on its own not at all, and that does not ask for its port; and it
 * is taken back when that shows to have been wrong. What was found holds for
 * all workers of a generation.
 *
 * Pure.
 *
 * @module
 */

import type { ElsewhereSocket, StartupFindings } from "../events/mod.ts";
import { denoSubcommand, isDeno } from "./deno_command.ts";

/** How long a worker must have listened elsewhere before it is moved, in milliseconds: many programs open another server first. */
const WATCHED_MS = 2_000;

/** How long it takes at most until that is certain, looks from time to time included, in milliseconds. */
const VERDICT_MS = 2 * WATCHED_MS;

/** Whether workers are moved: those that need it, all, or none. */
export type ServeAddressMode = "auto" | "on" | "off";

/** A worker that may have to be moved. */
export interface MovableWorker {
  readonly pid: number;
  readonly generation: number;
  /** Program and arguments, placeholders filled in. */
  readonly command: readonly string[];
  /** Whether it was given the address already. */
  readonly moved: boolean;
}

/** Decides which workers are moved. */
export class ServeAddressPolicy {
  readonly #mode: ServeAddressMode;
  /** What was found for a generation, which is one entry for each reload; none is open. */
  readonly #found = new Map<number, "moved" | "kept">();

  /** Creates a policy that has seen no worker yet. */
  constructor(mode: ServeAddressMode) {
    this.#mode = mode;
  }

  /** Whether the next worker of `generation` is given the address. */
  moves(generation: number): boolean {
    return this.#mode === "on" || this.#mode === "auto" &&
        this.#found.get(generation) === "moved";
  }

  /** Whether the port is written into a command of `deno serve` that names none. */
  get completesCommands(): boolean {
    return this.#mode !== "off";
  }

  /**
   * Takes note of a worker that is not ready yet, and returns whether it is to
   * be started again with the address.
   */
  judge(worker: MovableWorker, startup: StartupFindings): boolean {
    if (this.#mode !== "auto" || worker.moved) return false;
    const found = this.#found.get(worker.generation);
    if (found === "kept") return false;
    if (startup.obstacle !== "elsewhere" || startup.readsPort) return false;
    const [socket, ...others] = startup.elsewhere;
    if (socket === undefined || others.length > 0) return false;
    if (!servesByItself(worker, socket)) return false;
    if (found === undefined && startup.standingMs < WATCHED_MS) return false;
    this.#found.set(worker.generation, "moved");
    return true;
  }

  /** How long it may take until it is known whether workers like this one are moved, in milliseconds; 0 when that is known. */
  verdictMs({ generation, command }: MovableWorker): number {
    return this.#mode === "auto" && isDeno(command) &&
        !this.#found.has(generation)
      ? VERDICT_MS
      : 0;
  }

  /** A worker that was not moved listens on its port: none of its generation is. */
  noteReady({ generation, moved }: MovableWorker): void {
    if (!moved) this.#found.set(generation, "kept");
  }

  /** Whether a worker that was moved listens on its port by itself, and on no other. */
  confirms(
    worker: MovableWorker,
    port: number,
    sockets: readonly ElsewhereSocket[],
  ): boolean {
    return this.#mode !== "auto" ||
      sockets.every((socket) =>
        socket.port === port && servesByItself(worker, socket)
      );
  }

  /** A worker that was moved should not have been. Returns whether that was by this policy's choice. */
  takeBack({ generation, moved }: MovableWorker): boolean {
    if (this.#mode !== "auto" || !moved) return false;
    this.#found.set(generation, "kept");
    return true;
  }
}

/** Whether it is the worker itself that listens, and not a helper that it has started; `deno task` is a shell for what does. */
function servesByItself(
  { pid, command }: MovableWorker,
  { pid: server, parent, name }: ElsewhereSocket,
): boolean {
  if (!name.startsWith("deno")) return false;
  if (server === pid) return true;
  return isDeno(command) && denoSubcommand(command) === "task" &&
    parent === pid;
}
