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
    const event = { at, order: this.#order++, run };
    let index = events.length;
    events.push(event);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = events[above]!;
      if (isBefore(parent, event)) break;
      events[index] = parent;
      index = above;
    }
    events[index] = event;
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

  /** Takes out the first: the last one sinks to where it belongs instead. */
  #pop(): void {
    const events = this.#events;
    const event = events.pop()!;
    const { length } = events;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= length) break;
      let child = events[below]!;
      const right = events[below + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        below++;
      }
      if (isBefore(event, child)) break;
      events[index] = child;
      index = below;
    }
    events[index] = event;
  }
}

function isBefore(a: SimulatedEvent, b: SimulatedEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
