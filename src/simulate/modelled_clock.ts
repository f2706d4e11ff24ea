/**
 * A worker's time in the model: how long it takes for what, and how much of
 * that is CPU time.
 *
 * @module
 */

import { type Linked, LinkedList } from "../upstream/linked_list.ts";
import type { EventQueue } from "./event_queue.ts";
import type { Work, WorkerClock } from "./modelled_worker.ts";

/** What is on a thread now. */
interface Turn extends Linked<Turn> {
  readonly since: number;
  /** CPU time that each millisecond takes. */
  readonly rate: number;
}

/** Lets the time of one worker pass. */
export class ModelledClock implements WorkerClock {
  readonly #events: EventQueue;
  readonly #slowness: () => number;
  readonly #turns = new LinkedList<Turn>();
  #cpuMs = 0;

  /** @param slowness By what factor the worker is slower just now. */
  constructor(events: EventQueue, slowness: () => number) {
    this.#events = events;
    this.#slowness = slowness;
  }

  /** CPU time that was used until now, in milliseconds. */
  get cpuMs(): number {
    const { now } = this.#events;
    let sum = this.#cpuMs;
    for (let turn = this.#turns.first; turn !== null; turn = turn.next) {
      sum += (now - turn.since) * turn.rate;
    }
    return sum;
  }

  after(milliseconds: number, run: () => void): void {
    this.#events.at(this.#events.now + milliseconds, run);
  }

  /** Who is slow is not given the CPU, and does not use more of it. */
  serve({ cpuMs, computing }: Work, run: () => void): void {
    const slowness = this.#slowness();
    const turn: Turn = {
      since: this.#events.now,
      rate: computing / slowness,
      next: null,
      previous: null,
    };
    this.#turns.enter(turn);
    this.after(cpuMs * slowness, () => {
      this.#turns.leave(turn);
      this.#cpuMs += cpuMs * computing;
      run();
    });
  }
}
