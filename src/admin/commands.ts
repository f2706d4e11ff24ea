/**
 * The commands: what can be asked of a running pool, and how the request is
 * read. Pure, but for the call.
 *
 * @module
 */

import type { ReloadReport } from "../events/reload_report.ts";

/** What a pool can be told. */
export interface PoolCommands {
  /** Replaces every worker; never rejects. */
  reload(): Promise<ReloadReport>;
  /** Begins to stop the pool: requests in flight end, then the workers. */
  stop(): void;
  /** Sets the wanted number of workers, within the bounds; returns what it was and is. */
  scale(workers: number): Omit<ScaleReport, "asked">;
}

/** What came of asking for another number of workers. */
export interface ScaleReport {
  /** What was asked for. */
  readonly asked: number;
  /** Workers wanted before. */
  readonly from: number;
  /** Workers wanted now: the nearest to what was asked for that the bounds allow. */
  readonly to: number;
}

/** A number of workers, or by how much it is to change. */
export type ScaleRequest =
  | { readonly type: "absolute"; readonly workers: number }
  | { readonly type: "relative"; readonly by: number };

/** What is said of an amount that cannot be read. */
const SCALE_USAGE = 'Cannot scale: give a whole number of workers, "+N" or ' +
  '"-N", as {"workers": 6} or as ?workers=6';

/** A number of workers, or by how many: a sign and digits, as many as a number holds exactly. What is too much is capped. */
export const AMOUNT: RegExp = /^([+-]?)(\d{1,15})$/;

/** The request cannot be understood; the message is for whoever sent it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/**
 * Reads how many workers are wanted: of the body if it says so, else of the
 * query.
 *
 * @throws {CommandError} When neither says it.
 */
export function parseScaleRequest(
  body: string,
  query: string | undefined,
): ScaleRequest {
  // In a query, a plus that is not escaped is a space.
  const workers = workersIn(body) ?? query?.replace(/^ /, "+");
  const [, sign, digits] = AMOUNT.exec(workers ?? "") ?? [];
  if (digits === undefined) throw new CommandError(SCALE_USAGE);
  const amount = Number(digits);
  return sign === ""
    ? { type: "absolute", workers: amount }
    : { type: "relative", by: sign === "-" ? -amount : amount };
}

/** How many workers are wanted when `desired` are now. */
export function wantedWorkers(request: ScaleRequest, desired: number): number {
  return request.type === "absolute" ? request.workers : desired + request.by;
}

function workersIn(body: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // Empty, or not JSON: there is no number of workers in it.
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("workers" in value)) {
    return undefined;
  }
  const { workers } = value;
  // A number says how many; only a text can have a plus.
  if (typeof workers === "number" && workers >= 0) return `${workers}`;
  return typeof workers === "string" ? workers : undefined;
}
