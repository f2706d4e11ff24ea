/**
 * Which slots serve, which are held back, and which go when the pool shrinks.
 * Pure.
 *
 * @module
 */

import type { Slot } from "./slot.ts";

/**
 * Returns the slots whose workers are to be given work; the rest are spares.
 *
 * Those that can serve come before those that cannot, so that a spare stands
 * in at once for a worker that is lost. Among equals nothing changes.
 */
export function chooseMembers(
  slots: readonly Slot[],
  count: number,
): ReadonlySet<Slot> {
  return new Set([...slots].sort(byFitness).slice(0, count));
}

/**
 * Returns the slots a pool that shrinks gives up, in order: those that serve
 * nobody before those that do, the least busy before the busier, the newest
 * before the older.
 */
export function chooseLeaving(
  slots: readonly Slot[],
  count: number,
): readonly Slot[] {
  return [...slots].sort(byExpendability).slice(0, count);
}

function byFitness(a: Slot, b: Slot): number {
  return Number(b.serviceable.length > 0) - Number(a.serviceable.length > 0) ||
    Number(b.member) - Number(a.member) ||
    a.id - b.id;
}

function byExpendability(a: Slot, b: Slot): number {
  return Number(a.worker?.serviceable ?? false) -
      Number(b.worker?.serviceable ?? false) ||
    (a.worker?.upstream.inFlight ?? 0) - (b.worker?.upstream.inFlight ?? 0) ||
    (b.worker?.startedAt ?? 0) - (a.worker?.startedAt ?? 0) ||
    b.id - a.id;
}
