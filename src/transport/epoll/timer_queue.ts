/**
 * Timers, by when they are due. Pure: told what time it is.
 *
 * @module
 */

import type { Cancellable } from "../../proxy/core/link.ts";

/** Cancelled timers that are kept at least, before the queue is rid of them. */
const MIN_CANCELLED = 64;

/** A timer: in the queue until it is due, even when it has been cancelled. */
class Timer implements Cancellable {
  readonly dueAt: number;
  /** Those due at the same time go off in the order they were set. */
  readonly order: number;
  /** `null` once it has gone off or was cancelled. */
  callback: (() => void) | null;
  readonly #queue: TimerQueue;

  constructor(
    queue: TimerQueue,
    due: { at: number; order: number },
    callback: () => void,
  ) {
    this.#queue = queue;
    this.dueAt = due.at;
    this.order = due.order;
    this.callback = callback;
  }

  cancel(): void {
    if (this.callback === null) return;
    this.callback = null;
    this.#queue.noteCancelled();
  }

  isBefore(other: Timer): boolean {
    return this.dueAt < other.dueAt ||
      (this.dueAt === other.dueAt && this.order < other.order);
  }
}

/** Timers in a binary heap. */
export class TimerQueue {
  #heap: Timer[] = [];
  #cancelled = 0;
  #set = 0;

  /** When the next timer is due; `Infinity` without one. */
  get nextAt(): number {
    this.#dropCancelled();
    return this.#heap[0]?.dueAt ?? Infinity;
  }

  /** Sets a timer. */
  add(dueAt: number, callback: () => void): Cancellable {
    const timer = new Timer(this, { at: dueAt, order: this.#set++ }, callback);
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
    return timer;
  }

  /**
   * Takes the timers out that are due at `now`, one after the other, in
   * order. Those that are set meanwhile are left for the next time.
   */
  *due(now: number): Generator<() => void> {
    const limit = this.#set;
    while (this.nextAt <= now && this.#heap[0]!.order < limit) {
      const timer = this.#pop();
      const { callback } = timer;
      timer.callback = null;
      if (callback !== null) yield callback;
    }
  }

  /** For timers alone: one has been cancelled where it is. */
  noteCancelled(): void {
    this.#cancelled++;
    if (this.#cancelled < MIN_CANCELLED) return;
    if (this.#cancelled * 2 < this.#heap.length) return;
    const rest = this.#heap.filter(({ callback }) => callback !== null);
    this.#heap = rest.sort((a, b) => a.isBefore(b) ? -1 : 1);
    this.#cancelled = 0;
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.callback === null) {
      this.#pop();
      this.#cancelled--;
    }
  }

  #pop(): Timer {
    const first = this.#heap[0]!;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(index: number): void {
    const heap = this.#heap;
    const timer = heap[index]!;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!timer.isBefore(heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #sink(index: number): void {
    const heap = this.#heap;
    const timer = heap[index]!;
    while (true) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && heap[right]!.isBefore(heap[child]!)) {
        child = right;
      }
      if (!heap[child]!.isBefore(timer)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = timer;
  }
}
