/**
 * One run of the load generator wrk.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Scenario } from "../scenarios.ts";
import { LOAD_CORE, pinned } from "./cores.ts";

/** Beyond this an answer is an error. More than a connection takes that is tried twice. */
const ANSWER_TIMEOUT_SECONDS = 8;

/** What wrk saw. */
export interface LoadResult {
  /** Those of the time after the load had settled. */
  readonly requests: number;
  /** How long that was. */
  readonly durationMicros: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Connections, reads or writes that failed, answers of 400 and above, timeouts. */
  readonly errors: number;
}

/** Where to send how much. */
export interface LoadOptions {
  readonly port: number;
  /** Without the time to settle. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Called when the load has settled, which is at once in most scenarios. */
  readonly onSettled?: () => void;
}

/** What `load.lua` prints. */
interface Printed extends LoadResult {
  readonly settledRequests: number;
}

/**
 * Sends the requests of `scenario` for a while.
 *
 * @throws {Error} when wrk fails.
 */
export async function runWrk(
  scenario: Scenario,
  { port, seconds, signal, onSettled = () => {} }: LoadOptions,
): Promise<LoadResult> {
  const { settleSeconds } = scenario;
  const settleMs = settleSeconds * 1000;
  const settledMicros = settleMs === 0 ? 0 : (Date.now() + settleMs) * 1000;
  const script = fileURLToPath(new URL("load.lua", import.meta.url));
  const [program = "", ...args] = pinned(LOAD_CORE, [
    "wrk",
    "--threads=1",
    `--connections=${scenario.connections}`,
    `--duration=${settleSeconds + seconds}s`,
    `--timeout=${ANSWER_TIMEOUT_SECONDS}s`,
    `--script=${script}`,
    ...scenario.headers.map((field) => `--header=${field}`),
    `http://127.0.0.1:${port}${scenario.path}`,
    "--",
    String(scenario.uploadBytes),
    String(settledMicros),
  ]);
  if (settleMs === 0) onSettled();
  const timer = settleMs > 0 ? setTimeout(onSettled, settleMs) : undefined;
  try {
    const { stdout, stderr } = await new Deno.Command(program, { args, signal })
      .output();
    signal.throwIfAborted();
    const decoder = new TextDecoder();
    const line = decoder.decode(stdout).trimEnd().split("\n").at(-1) ?? "";
    if (!line.startsWith("{")) {
      throw new Error(`Cannot run wrk: ${line} ${decoder.decode(stderr)}`);
    }
    return settledPart(JSON.parse(line), settleMs);
  } finally {
    clearTimeout(timer);
  }
}

function settledPart(
  { settledRequests, ...whole }: Printed,
  settleMs: number,
): LoadResult {
  if (settleMs === 0) return whole;
  return {
    ...whole,
    requests: settledRequests,
    durationMicros: whole.durationMicros - settleMs * 1000,
  };
}
