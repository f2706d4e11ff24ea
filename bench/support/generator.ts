/**
 * A load generator in a process of its own, so that its pauses are not those
 * of the harness.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/**
 * Runs a program of `bench/` with `spec` and returns what it prints, both as JSON.
 *
 * @throws {Error} when it fails.
 */
export async function generate<Result>(
  program: string,
  spec: unknown,
  signal: AbortSignal,
): Promise<Result> {
  const main = fileURLToPath(new URL(`../${program}`, import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", main, JSON.stringify(spec)],
    signal,
  }).output();
  signal.throwIfAborted();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`Cannot generate load: ${decoder.decode(stderr)}`);
  }
  return JSON.parse(decoder.decode(stdout));
}
