/**
 * The clock of a discrete-event model: what is to happen, the earliest first.
 *
 * @module
 */

/** Something that happens at a time. */
interface SimulatedEvent {
  readonly at: number;
  readonly run: () => void;
}

/** A binary heap of events, and the time of the last one that has happened. */
export class EventQueue {
  #now = 0;
  readonly #events: SimulatedEvent[] = [];

  /** The time, in milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** Lets `run` happen at a time that has not passed. */
  at(at: number, run: () => void): void {
    const events = this.#events;
    let index = events.length;
    events.push({ at, run });
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (events[parent]!.at <= at) break;
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
        if (child < events.length && events[child]!.at < events[least]!.at) {
          least = child;
        }
      }
      if (least === index) return;
      swap(events, least, index);
      index = least;
    }
  }
}

function swap<T>(items: T[], a: number, b: number): void {
  [items[a], items[b]] = [items[b]!, items[a]!];
}
