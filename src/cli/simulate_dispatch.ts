/**
 * `prefork-pool simulate LOAD --dispatch`: what policies and caps would have
 * made of requests, one by one.
 *
 * @module
 */

import { columnsTable } from "../simulate/table.ts";
import { parseRequests } from "../simulate/request_trace.ts";
import {
  type DispatchLoad,
  type DispatchSimulation,
  simulateDispatch,
} from "../simulate/simulate_dispatch.ts";
import { TraceError } from "../simulate/trace.ts";
import { WORKLOADS } from "../simulate/workloads.ts";
import type { RunRequest, SimulateRequest } from "./simulate_arguments.ts";
import { CliError } from "./subcommand.ts";

interface NamedDispatch {
  readonly name: string;
  readonly simulation: DispatchSimulation;
}

/** Returns the text to be printed. @param read Reads a file that was named. */
export async function dispatchReport(
  request: SimulateRequest,
  read: (path: string) => Promise<string>,
): Promise<string> {
  const load = await loadOf(request, read);
  const { threads, patienceMs } = request.dispatch!;
  const runs = request.runs.map(({ name, config }: RunRequest) => ({
    name,
    simulation: simulateDispatch(load, config, { threads, patienceMs }),
  }));
  return request.json
    ? JSON.stringify({ load: request.trace, threads, patienceMs, runs })
    : table(runs);
}

async function loadOf(
  { trace, dispatch }: SimulateRequest,
  read: (path: string) => Promise<string>,
): Promise<DispatchLoad> {
  const workload = Object.hasOwn(WORKLOADS, trace) ? WORKLOADS[trace] : null;
  if (workload) return { type: "workload", workload };
  try {
    const text = await read(trace);
    const requests = parseRequests(trace, text, dispatch!.waitRatio);
    return { type: "requests", requests };
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    throw new CliError(error.message, { usage: true, cause: error });
  }
}

function table(runs: readonly NamedDispatch[]): string {
  return columnsTable([
    ["", "served", "p50 ms", "p95 ms", "p99 ms", "longest", "503", "given up"]
      .concat("limit at the end"),
    ...runs.map(({ name, simulation: s }) => [
      name,
      String(s.served),
      ...[s.p50Ms, s.p95Ms, s.p99Ms, s.longestMs].map((ms) =>
        ms === null ? "-" : ms.toFixed(1)
      ),
      String(s.rejected),
      String(s.givenUp),
      s.concurrency === 0 ? "none" : String(s.concurrency),
    ]),
  ]);
}
