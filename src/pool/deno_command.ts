/**
 * Command lines that run Deno. Pure: starts nothing.
 *
 * @module
 */

/** Whether a command is Deno itself. */
export function isDeno(command: readonly string[]): boolean {
  return /(?:^|[\\/])deno(?:\.exe)?$/.test(command[0] ?? "");
}

/** Returns what Deno is to do, `"run"` or `"serve"` ...; `null` when that cannot be told. */
export function denoSubcommand(command: readonly string[]): string | null {
  return command.slice(1).find((word) => !word.startsWith("-")) ?? null;
}

/**
 * Returns a command of `deno serve` that names no port with the port of the
 * worker, and others as they are: it would listen on 8000 in each of them, and
 * by its own permissions nowhere but where its options say.
 *
 * @example
 * ```ts
 * import { completeDenoServe } from "./deno_command.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(
 *   completeDenoServe(["deno", "serve", "main.ts"]),
 *   ["deno", "serve", "--port={port}", "--host={host}", "main.ts"],
 * );
 * ```
 */
export function completeDenoServe(
  command: readonly string[],
): readonly string[] {
  if (!isDeno(command) || denoSubcommand(command) !== "serve") return command;
  const at = command.indexOf("serve") + 1;
  const options = command.slice(at);
  if (options.some((word) => isOption(word, "port"))) return command;
  const host = options.some((word) => isOption(word, "host"))
    ? []
    : ["--host={host}"];
  return [...command.slice(0, at), "--port={port}", ...host, ...options];
}

function isOption(word: string, name: string): boolean {
  return word === `--${name}` || word.startsWith(`--${name}=`);
}
