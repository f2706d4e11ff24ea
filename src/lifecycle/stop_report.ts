/**
 * Says what a pool that stops waits for: at once, and again as it changes, ever
 * more seldom.
 *
 * @module
 */

import type { EventEmitter, StopWaitingEvent } from "../events/mod.ts";

/** How often is looked what is left, in milliseconds. */
const LOOK_MS = 100;

/** The pause before it is said again, in milliseconds; it doubles, so that a long wait takes few lines. */
const FIRST_PAUSE_MS = 1_000;

/** What is waited for. */
export type Waiting = Omit<StopWaitingEvent, "type">;

/** What a report works with. */
export interface StopReportDeps {
  readonly events: EventEmitter;
  /** What is left now. */
  readonly waiting: () => Waiting;
  /** Monotonic, in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
}

/** Reports from {@linkcode start} to {@linkcode stop}. */
export class StopReport {
  readonly #deps: StopReportDeps;
  readonly #now: () => number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #nextAt = 0;
  #said = "";

  /** Creates a report that has said nothing. */
  constructor(deps: StopReportDeps) {
    this.#deps = deps;
    this.#now = deps.clock ?? ((): number => performance.now());
  }

  /** Begins to look. */
  start(): void {
    // Workers end within moments: only those that do not are worth a line.
    this.#nextAt = this.#now() + FIRST_PAUSE_MS;
    const { requests, streams } = this.#deps.waiting();
    if (requests + streams > 0) this.#say();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Says what is left if it has changed, and the last time is long enough ago. */
  look(): void {
    if (this.#now() >= this.#nextAt) this.#say();
  }

  #say(): void {
    const waiting = this.#deps.waiting();
    const text = JSON.stringify(waiting);
    const { requests, streams, workers } = waiting;
    if (text === this.#said || requests + streams + workers === 0) return;
    this.#said = text;
    this.#nextAt = this.#now() + this.#pauseMs;
    this.#pauseMs *= 2;
    this.#deps.events.emit({ type: "stop-waiting", ...waiting });
  }
}
