/**
 * Which program the workers run.
 *
 * @module
 */

import type { WorkerCommand } from "../pool/worker_command.ts";

/** Where a command may come from; `null` is not given. */
export interface CommandSources {
  /** The words after `--`. */
  readonly words: readonly string[] | null;
  readonly workerCommand: readonly string[] | null;
  readonly zigttpBin: string | null;
  readonly handlerPath: string | null;
}

/** Chooses the command: the first source that is given, else the demo. */
export function chooseWorkerCommand(sources: CommandSources): WorkerCommand {
  const { words, workerCommand, zigttpBin, handlerPath } = sources;
  if (words !== null) return { kind: "arguments", argv: words };
  if (workerCommand !== null) return { kind: "command", argv: workerCommand };
  if (zigttpBin !== null) {
    const handler = handlerPath === null ? [] : [handlerPath];
    return { kind: "zigttp", argv: [zigttpBin, "-p", "{port}", ...handler] };
  }
  return { kind: "demo", argv: demoCommand() };
}

/**
 * The embedded demo application under the very Deno that runs this.
 *
 * Deno finds this package's `deno.json` from the program's place, whatever
 * the working directory.
 */
function demoCommand(): readonly string[] {
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "--allow-net",
    "--allow-env",
    import.meta.resolve("../demo/main.ts"),
  ];
}
