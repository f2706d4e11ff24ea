/**
 * One run of the load generator wrk.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Scenario } from "../scenarios.ts";
import { LOAD_CORE, pinned } from "./cores.ts";

/** What wrk saw. */
export interface LoadResult {
  readonly requests: number;
  readonly durationMicros: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Connections, reads or writes that failed, answers of 400 and above, timeouts. */
  readonly errors: number;
}

/** Where to send how much. */
export interface LoadOptions {
  readonly port: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/**
 * Sends the requests of `scenario` for a while.
 *
 * @throws {Error} when wrk fails.
 */
export async function runWrk(
  scenario: Scenario,
  { port, seconds, signal }: LoadOptions,
): Promise<LoadResult> {
  const script = fileURLToPath(new URL("load.lua", import.meta.url));
  const [program = "", ...args] = pinned(LOAD_CORE, [
    "wrk",
    "--threads=1",
    `--connections=${scenario.connections}`,
    `--duration=${seconds}s`,
    `--script=${script}`,
    ...scenario.headers.map((field) => `--header=${field}`),
    `http://127.0.0.1:${port}${scenario.path}`,
    "--",
    String(scenario.uploadBytes),
  ]);
  const { stdout, stderr } = await new Deno.Command(program, { args, signal })
    .output();
  signal.throwIfAborted();
  const decoder = new TextDecoder();
  const line = decoder.decode(stdout).trimEnd().split("\n").at(-1) ?? "";
  if (!line.startsWith("{")) {
    throw new Error(`Cannot run wrk: ${line} ${decoder.decode(stderr)}`);
  }
  return JSON.parse(line);
}
