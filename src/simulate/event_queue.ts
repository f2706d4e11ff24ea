/**
 * The clock of a discrete-event model: what is to happen, the earliest first.
 *
 * @module
 */

/** Something that happens at a time. */
interface SimulatedEvent {
  readonly at: number;
  /** Of those at the same time, the first to be named is the first to happen. */
  readonly order: number;
  readonly run: () => void;
}

/** A binary heap of events, and the time of the last one that has happened. */
export class EventQueue {
  #now = 0;
  #order = 0;
  readonly #events: SimulatedEvent[] = [];

  /** The time, in milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** Lets `run` happen at a time that has not passed. */
  at(at: number, run: () => void): void {
    const events = this.#events;
    let index = events.length;
    const event = { at, order: this.#order++, run };
    events.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(events[parent]!, event)) break;
      swap(events, parent, index);
      index = parent;
    }
  }

  /** Lets everything happen that is due until `end`. */
  runUntil(end: number): void {
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }

  #pop(): void {
    const events = this.#events;
    swap(events, 0, events.length - 1);
    events.pop();
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      let least = index;
      for (const child of [left, left + 1]) {
        if (child >= events.length) continue;
        if (isBefore(events[child]!, events[least]!)) least = child;
      }
      if (least === index) return;
      swap(events, least, index);
      index = least;
    }
  }
}

function isBefore(a: SimulatedEvent, b: SimulatedEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function swap<T>(items: T[], a: number, b: number): void {
  [items[a], items[b]] = [items[b]!, items[a]!];
}
