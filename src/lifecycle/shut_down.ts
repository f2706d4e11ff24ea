/**
 * The order in which the parts of a pool stop: that in which they start, in
 * reverse; but the proxy stays to pass on what workers say at their end.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import type { DataPlane } from "../plane/contract.ts";
import type { Pool } from "../pool/pool.ts";
import { StopReport, type Waiting } from "./stop_report.ts";

/**
 * How long clients may take to read what workers have said that are gone, in
 * milliseconds. It is on its way already; who takes longer does not read.
 */
const DELIVERY_TIMEOUT_MS = 2_000;

/** How long a set may take to come into force, in another thread, before nothing waits for it. */
const PUBLISH_TIMEOUT_MS = 1_000;

/** A part that ends by itself when it is asked to. */
interface Stoppable {
  stop(): Promise<void>;
}

/** What is stopped. */
export interface ShutDownParts {
  /** What decides how many workers there are. */
  readonly deciders: readonly Stoppable[];
  /** Takes away what leads new clients here. */
  readonly removeFile: () => void;
  readonly plane: DataPlane;
  readonly pool: Pool;
  /** What shows how all of this goes. */
  readonly observers: readonly Stoppable[];
  readonly events: EventEmitter;
}

/** Stops the parts; requests in flight may take `drainTimeoutMs`. Resolves when nothing is left. */
export async function shutDown(
  parts: ShutDownParts,
  drainTimeoutMs: number,
): Promise<void> {
  const { plane, pool, events } = parts;
  let ending = false;
  const report = new StopReport({
    events,
    waiting: () => ({
      ...inFlightOf(plane),
      workers: ending ? pool.workersLeft : 0,
    }),
  });
  for (const decider of parts.deciders) await decider.stop();
  parts.removeFile();
  const drain = (): Promise<unknown> =>
    plane.ask({ type: "drain", timeoutMs: drainTimeoutMs });
  // Where nothing is waited for, nothing is said of it.
  if (drainTimeoutMs === 0) await drain();
  await plane.refresh();
  report.start();
  if (drainTimeoutMs > 0) await drain();
  ending = true;
  // Workers without requests end when the set without them is in force.
  const { requests } = inFlightOf(plane);
  await pool.stop(requests === 0 ? PUBLISH_TIMEOUT_MS : 0);
  report.stop();
  await plane.ask({
    type: "stop",
    timeoutMs: DELIVERY_TIMEOUT_MS,
    workersGone: true,
  });
  for (const observer of parts.observers) await observer.stop();
}

/** What is under way. */
export function inFlightOf(plane: DataPlane): Omit<Waiting, "workers"> {
  const { inFlight, streams } = plane.figures();
  return { requests: inFlight - streams, streams };
}
