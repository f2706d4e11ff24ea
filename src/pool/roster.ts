/**
 * Who is in the pool: the slots, the workers that have left theirs and are
 * kept for their clients, and those that are not gone yet.
 *
 * @module
 */

import { Slot } from "./slot.ts";
import type { Worker } from "./worker.ts";

/** The slots and the workers of a pool. */
export class Roster {
  /** Workers that have left their slot, and serve on for the clients that are tied to them; who has left first comes first. */
  readonly kept = new Set<Worker>();
  /** Workers that have left their slot, on their way out. */
  readonly leaving = new Set<Worker>();
  #slots: readonly Slot[] = [];

  /** The slots, in the order of their creation. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Every worker whose process may still run. */
  get workers(): readonly Worker[] {
    return [
      ...this.#slots.flatMap((slot) => slot.workers),
      ...this.kept,
      ...this.leaving,
    ];
  }

  /** Whether there is neither a slot nor a worker. */
  get empty(): boolean {
    return this.#slots.length === 0 && this.kept.size === 0 &&
      this.leaving.size === 0;
  }

  /** The slot a worker is in; `undefined` for one that has left. */
  slotOf(worker: Worker): Slot | undefined {
    return this.#slots.find((slot) => slot.workers.includes(worker));
  }

  /** Sends a worker on its way out. */
  leave(worker: Worker): void {
    this.kept.delete(worker);
    this.leaving.add(worker);
  }

  /** Forgets a worker that is gone and has no slot. */
  forget(worker: Worker): void {
    this.kept.delete(worker);
    this.leaving.delete(worker);
  }

  /** Adds a slot with the lowest number nobody has: those of workers on their way out are not given away yet. */
  addSlot(): void {
    const taken = new Set(
      [...this.#slots, ...this.leaving].map(({ id }) => id),
    );
    let id = 0;
    while (taken.has(id)) id++;
    this.#slots = [...this.#slots, new Slot(id)];
  }

  /** Adds the slot again that `worker` has had, with the worker in it. */
  addSlotOf(worker: Worker): void {
    const slot = new Slot(worker.id);
    slot.reinstate(worker);
    this.#slots = [...this.#slots, slot];
  }

  /** Takes slots out; their workers are the caller's to dismiss. */
  removeSlots(going: ReadonlySet<Slot>): void {
    this.#slots = this.#slots.filter((slot) => !going.has(slot));
  }
}
