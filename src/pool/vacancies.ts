/**
 * Where a worker is to be started. Pure.
 *
 * @module
 */

import type { ReplacementCause } from "./replacement.ts";
import type { Slot } from "./slot.ts";
import type { Worker } from "./worker.ts";

/** Workers that have a successor at once, but in a reload: each runs beside it for a while. */
const MAX_SUCCESSORS = 1;

/** The most pressing first; `null` is a place without a worker. */
const URGENCY: readonly (ReplacementCause | null)[] = [
  null,
  "unhealthy",
  "failing",
  "reload",
  "max-memory",
  "max-requests",
  "max-age",
];

/** A slot that lacks a worker, or a successor for the one it has. */
export interface Vacancy {
  readonly slot: Slot;
  /** Why its worker wants a successor; `null` when it has no worker. */
  readonly cause: ReplacementCause | null;
}

/** Returns the slots that lack somebody, the most pressing first. */
export function findVacancies(
  slots: readonly Slot[],
  causeOf: (worker: Worker) => ReplacementCause | null,
): readonly Vacancy[] {
  return slots
    .filter((slot) => slot.successor === null)
    .map((slot) => ({ slot, cause: slot.worker && causeOf(slot.worker) }))
    .filter(({ slot, cause }) => slot.worker === null || cause !== null)
    .sort((a, b) => URGENCY.indexOf(a.cause) - URGENCY.indexOf(b.cause));
}

/** Whether one more may be started for `cause`: successors are extra processes. */
export function hasRoom(
  slots: readonly Slot[],
  cause: ReplacementCause | null,
  { reloadSurge }: { readonly reloadSurge: number },
): boolean {
  if (cause === null) return true;
  const room = cause === "reload" ? reloadSurge : MAX_SUCCESSORS;
  return slots.filter((slot) => slot.successor !== null).length < room;
}
