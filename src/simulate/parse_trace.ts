/**
 * Reads load that was recorded or written down: CSV, an access log, or
 * `/_metrics` as it was polled. Pure.
 *
 * @module
 */

import { type Trace, TraceError, traceOf, type TracePoint } from "./trace.ts";

/**
 * Reads a trace. Which kind it is shows in its first line:
 *
 * - CSV: `seconds,requests per second`, a line each; a header, empty lines and
 *   `#` comments are passed over.
 * - The log of a pool with `LOG_FORMAT=json ACCESS_LOG=on`: its access lines
 *   are counted by the second, the others passed over.
 * - The JSON of `/_metrics`, polled, one response a line.
 *
 * @throws {TraceError} with the line that cannot be read.
 *
 * @example
 * ```ts
 * import { parseTrace } from "./parse_trace.ts";
 * import assert from "node:assert/strict";
 *
 * const trace = parseTrace("load.csv", "seconds,rate\n0,90\n30,720\n");
 * assert.equal(trace.durationS, 60);
 * ```
 */
export function parseTrace(name: string, text: string): Trace {
  const lines = text.split(/\r?\n/).map((line, index) => ({
    number: index + 1,
    text: line.trim(),
  })).filter((line) => line.text !== "" && !line.text.startsWith("#"));
  const first = lines[0];
  if (first === undefined) {
    throw new TraceError(`Cannot read ${name}: it is empty`);
  }
  return first.text.startsWith("{")
    ? parseRecording(name, lines)
    : traceOf(name, parseCsv(name, lines));
}

interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

function failure(name: string, line: Line, what: string): TraceError {
  const shown = line.text.length > 60
    ? `${line.text.slice(0, 60)} ...`
    : line.text;
  return new TraceError(
    `Cannot read ${name}, line ${line.number}: ${what}: ${shown}`,
  );
}

function parseCsv(name: string, lines: readonly Line[]): TracePoint[] {
  const points: TracePoint[] = [];
  for (const [index, line] of lines.entries()) {
    const cells = line.text.split(/[,;\t]/).map((cell) => cell.trim());
    const [atS, rate] = cells.map(toNumber);
    if (cells.length < 2) {
      throw failure(name, line, "two columns are needed, seconds and rate");
    }
    if (!isNumber(atS) || !isNumber(rate)) {
      // Words are a header; half of them are a mistake.
      if (index === 0 && !isNumber(atS) && !isNumber(rate)) continue;
      throw failure(name, line, "seconds and rate must be numbers");
    }
    if (rate < 0) throw failure(name, line, "the rate is negative");
    const previous = points.at(-1);
    if (previous !== undefined && atS <= previous.atS) {
      throw failure(
        name,
        line,
        `the time is not after that of the line before, ${previous.atS}`,
      );
    }
    points.push({ atS, rate });
  }
  return points;
}

function toNumber(cell: string): number {
  return cell === "" ? NaN : Number(cell);
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value);
}

/** What is read of a line of either recording. */
interface RecordedLine {
  readonly event?: unknown;
  readonly timestamp?: unknown;
  readonly totalRequests?: unknown;
  readonly uptimeSeconds?: unknown;
}

function parseRecording(name: string, lines: readonly Line[]): Trace {
  const seconds = new Map<number, number>();
  const polled: { atS: number; total: number }[] = [];
  for (const line of lines) {
    const record = parseJson(name, line);
    if (record.event === "access") {
      const at = Date.parse(String(record.timestamp));
      if (Number.isNaN(at)) throw failure(name, line, "it has no timestamp");
      const second = Math.floor(at / 1000);
      seconds.set(second, (seconds.get(second) ?? 0) + 1);
    } else if (
      typeof record.totalRequests === "number" &&
      typeof record.uptimeSeconds === "number"
    ) {
      polled.push({ atS: record.uptimeSeconds, total: record.totalRequests });
    } else if (record.event === undefined) {
      throw failure(
        name,
        line,
        "it is neither of a pool's log nor of /_metrics",
      );
    }
  }
  if (seconds.size > 0) return traceOf(name, ratesBySecond(name, seconds));
  if (polled.length > 0) return traceOf(name, ratesBetween(polled));
  throw new TraceError(
    `Cannot read ${name}: it holds no request; the pool that wrote it needs ` +
      "ACCESS_LOG=on",
  );
}

function parseJson(name: string, line: Line): RecordedLine {
  try {
    const value: unknown = JSON.parse(line.text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below, with the line.
  }
  throw failure(name, line, "it is no JSON object");
}

function ratesBySecond(
  name: string,
  seconds: ReadonlyMap<number, number>,
): TracePoint[] {
  // Not Math.min(...): a log has more seconds than a call takes arguments.
  const sorted = [...seconds.keys()].sort((a, b) => a - b);
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  // Holds for every second of it, so the length is checked before they are made.
  traceOf(name, [{ atS: first, rate: 0 }, { atS: last + 1, rate: 0 }]);
  return Array.from({ length: last - first + 2 }, (_, index) => ({
    atS: index,
    rate: seconds.get(first + index) ?? 0,
  }));
}

/** A pool that was started anew begins to count again: what lies between is not known. */
function ratesBetween(
  polled: readonly { readonly atS: number; readonly total: number }[],
): TracePoint[] {
  const points: TracePoint[] = [];
  let atS = 0;
  for (const [index, { atS: at, total }] of polled.entries()) {
    const next = polled[index + 1];
    if (next === undefined) points.push({ atS, rate: 0 });
    else if (next.atS > at && next.total >= total) {
      points.push({ atS, rate: (next.total - total) / (next.atS - at) });
      atS += next.atS - at;
    }
  }
  return points;
}
