/**
 * Which slots serve, which are held back, and which go when the pool shrinks.
 * Pure.
 *
 * @module
 */

import type { Slot } from "./slot.ts";
import type { Worker } from "./worker.ts";

/**
 * Returns the slots whose workers are to be given work; the rest are spares.
 *
 * Those that can serve come before those that cannot, so that a spare stands
 * in at once for a worker that is lost, and those that are well before those
 * that serve for want of better. Among equals nothing changes.
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
  return fitness(b.serviceable) - fitness(a.serviceable) ||
    Number(b.member) - Number(a.member) ||
    a.id - b.id;
}

function byExpendability(a: Slot, b: Slot): number {
  return fitness(servingHolder(a)) - fitness(servingHolder(b)) ||
    inFlight(a) - inFlight(b) ||
    (b.worker?.startedAt ?? 0) - (a.worker?.startedAt ?? 0) ||
    b.id - a.id;
}

/** 2 with somebody who serves and is well, 1 with one who serves for want of better, else 0. */
function fitness(serviceable: readonly Worker[]): number {
  if (serviceable.length === 0) return 0;
  return serviceable.some(({ retained }) => retained === null) ? 2 : 1;
}

function servingHolder({ worker }: Slot): readonly Worker[] {
  return worker?.serviceable ? [worker] : [];
}

function inFlight({ worker }: Slot): number {
  return worker?.upstream.figures.inFlight ?? 0;
}
