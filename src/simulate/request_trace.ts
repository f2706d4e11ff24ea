/**
 * Requests one by one, with what each costs its worker: what a simulation of
 * dispatch is fed. Pure.
 *
 * @module
 */

import type { Demand } from "./dispatch_model.ts";
import { TraceError } from "./trace.ts";

/** A request, and when it comes. */
export interface TracedRequest extends Demand {
  /** Milliseconds since the first one. */
  readonly atMs: number;
}

/** More requests than that take minutes to simulate. */
const MAX_REQUESTS = 2_000_000;

/** What is read of a line of an access log. */
interface AccessLine {
  readonly event?: unknown;
  readonly timestamp?: unknown;
  readonly durationMs?: unknown;
}

/**
 * Reads requests. Which kind it is shows in the first line:
 *
 * - CSV: `seconds,cpu ms,wait ms,upload ms`, a request a line, of which the
 *   last two may be left out; a header in the first line, empty lines and `#`
 *   comments are passed over.
 * - The log of a pool with `LOG_FORMAT=json ACCESS_LOG=on`. What a request took
 *   is split by `waitRatio` into waiting and computing: the log does not know.
 *
 * @throws {TraceError} with the line that cannot be read.
 *
 * @example
 * ```ts
 * import { parseRequests } from "./request_trace.ts";
 * import assert from "node:assert/strict";
 *
 * const [first] = parseRequests("load.csv", "0,3\n0.01,40\n", 0);
 * assert.deepEqual(first, { atMs: 0, cpuMs: 3, waitMs: 0, uploadMs: 0 });
 * ```
 */
export function parseRequests(
  name: string,
  text: string,
  waitRatio: number,
): readonly TracedRequest[] {
  const requests: TracedRequest[] = [];
  // Words are a header, in the first line.
  let header = true;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const request = trimmed.startsWith("{")
      ? ofAccessLine(trimmed, waitRatio)
      : ofCells(trimmed);
    if (request !== null) requests.push(request);
    else if (
      !trimmed.startsWith("{") && !(header && /^[^-+.\d]/.test(trimmed))
    ) {
      throw new TraceError(
        `Cannot read ${name}, line ${index + 1}: seconds and milliseconds ` +
          `must be numbers from 0: ${trimmed.slice(0, 60)}`,
      );
    }
    header = false;
  }
  if (requests.length === 0) {
    throw new TraceError(
      `Cannot read ${name}: it holds no request; write one a line as ` +
        "seconds,cpu ms,wait ms, or log with LOG_FORMAT=json ACCESS_LOG=on",
    );
  }
  if (requests.length > MAX_REQUESTS) {
    throw new TraceError(
      `Cannot simulate ${name}: more than ${MAX_REQUESTS} requests; give a part`,
    );
  }
  requests.sort((a, b) => a.atMs - b.atMs);
  const first = requests[0]!.atMs;
  return requests.map((request) => ({
    ...request,
    atMs: request.atMs - first,
  }));
}

function ofCells(line: string): TracedRequest | null {
  const cells = line.split(/[,;\t]/).map((cell) =>
    cell.trim() === "" ? NaN : Number(cell)
  );
  const [seconds = NaN, cpuMs = NaN, waitMs = 0, uploadMs = 0] = cells;
  const usable = [seconds, cpuMs, waitMs, uploadMs].every((value) =>
    Number.isFinite(value) && value >= 0
  );
  return usable ? { atMs: 1_000 * seconds, cpuMs, waitMs, uploadMs } : null;
}

/** A line is written when the response has ended. */
function ofAccessLine(line: string, waitRatio: number): TracedRequest | null {
  let record: AccessLine;
  try {
    record = JSON.parse(line);
  } catch {
    return null;
  }
  const endedAt = Date.parse(String(record.timestamp));
  const { event, durationMs } = record;
  if (event !== "access" || typeof durationMs !== "number") return null;
  if (Number.isNaN(endedAt)) return null;
  const waitMs = durationMs * waitRatio;
  return {
    atMs: endedAt - durationMs,
    cpuMs: durationMs - waitMs,
    waitMs,
    uploadMs: 0,
  };
}
