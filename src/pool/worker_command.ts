/**
 * The command line and environment of one worker. Pure: starts nothing.
 *
 * @module
 */

/** Address every worker listens on. */
export const WORKER_HOST = "127.0.0.1";

/** A signal that asks a worker to end: those that programs of one kind or another take for it. */
export type StopSignal =
  | "SIGTERM"
  | "SIGINT"
  | "SIGQUIT"
  | "SIGHUP"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGWINCH"
  | "SIGABRT";

/** Their numbers on Linux. */
export const STOP_SIGNALS: Readonly<Record<StopSignal, number>> = {
  SIGTERM: 15,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGHUP: 1,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGWINCH: 28,
  SIGABRT: 6,
};

/** How a worker is started; which command, and how it was chosen. */
export interface WorkerCommand {
  /** Where it comes from. */
  readonly kind: "arguments" | "command" | "zigttp" | "demo";
  /** Program and arguments; `{port}`, `{host}` and `{id}` are filled in for each worker. */
  readonly argv: readonly string[];
}

/** Which worker a command is for. */
export interface WorkerIdentity {
  /** Slot, from 0. */
  readonly id: number;
  /** Port it shall listen on. */
  readonly port: number;
  /** Which (re)load starts it, from 1. */
  readonly generation: number;
}

/**
 * Returns program and arguments of one worker.
 *
 * @example
 * ```ts
 * import { fillPlaceholders } from "./worker_command.ts";
 * import assert from "node:assert/strict";
 *
 * const worker = { id: 0, port: 8081, generation: 1 };
 * assert.deepEqual(
 *   fillPlaceholders(["zigttp", "-p", "{port}"], worker),
 *   ["zigttp", "-p", "8081"],
 * );
 * ```
 */
export function fillPlaceholders(
  argv: readonly string[],
  worker: WorkerIdentity,
): readonly string[] {
  const values: Readonly<Record<string, string>> = {
    "{port}": String(worker.port),
    "{host}": WORKER_HOST,
    "{id}": String(worker.id),
  };
  return argv.map((word) =>
    word.replaceAll(/\{(?:port|host|id)\}/g, (name) => values[name]!)
  );
}

/**
 * Returns what a worker's environment has beyond, or other than, the balancer's.
 *
 * @param configured What the configuration adds to it.
 * @param moved Whether the first HTTP server of a program on Deno is moved to
 * the worker's port, whatever port is written into it.
 */
export function workerEnvironment(
  worker: WorkerIdentity,
  configured: Readonly<Record<string, string>> = {},
  moved: boolean = false,
): Readonly<Record<string, string>> {
  const address = { DENO_SERVE_ADDRESS: `tcp:${WORKER_HOST}:${worker.port}` };
  return {
    ...configured,
    PORT: String(worker.port),
    HOST: WORKER_HOST,
    WORKER_ID: String(worker.id),
    WORKER_GENERATION: String(worker.generation),
    ...moved ? address : {},
  };
}

/** Names the setting a command comes from, for messages. */
export function commandSetting(kind: WorkerCommand["kind"]): string {
  switch (kind) {
    case "arguments":
      return "the command";
    case "command":
      return "WORKER_COMMAND";
    case "zigttp":
      return "ZIGTTP_BIN";
    case "demo":
      return "the installation";
  }
}

/** Says that a program is not there, as a sentence part. */
export function programMissing(
  program: string,
  kind: WorkerCommand["kind"],
): string {
  const [first, ...words] = program.split(/\s+/);
  const remedy = words.length === 0
    ? ""
    : `; if "${first}" is the program, do not quote it together with its ` +
      `arguments${kind === "arguments" ? `: -- ${program}` : ""}`;
  const setting = commandSetting(kind);
  return `"${program}" was not found; correct ${setting}, or PATH${remedy}`;
}
