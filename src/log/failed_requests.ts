/**
 * Keeps requests that fail in great numbers from writing the log: an overload
 * turns away tens of thousands a second, and all for the same reason.
 *
 * @module
 */

import type { ExchangeFailedEvent, NoticeEvent } from "../events/mod.ts";
import { roundedDuration } from "../shared/duration.ts";

/** Failures of one kind that are logged one by one in {@linkcode WINDOW_MS}: as many as somebody reads. */
const MAX_LINES = 100;

/** How long those of a kind that are beyond it are counted before it is said how many, in milliseconds. */
export const WINDOW_MS = 10_000;

/** Failures of one kind, from the first that was logged on. */
interface Window {
  readonly timer: ReturnType<typeof setTimeout>;
  readonly last: ExchangeFailedEvent;
  readonly count: number;
}

/** Hands failures on while they are few, and counts the others. */
export class FailedRequests {
  readonly #write: (event: ExchangeFailedEvent | NoticeEvent) => void;
  /** By code: there are no more than codes. */
  readonly #windows = new Map<string, Window>();

  /** Hands on to `write`. */
  constructor(write: (event: ExchangeFailedEvent | NoticeEvent) => void) {
    this.#write = write;
  }

  /** A request has failed. */
  take(event: ExchangeFailedEvent): void {
    const { code } = event;
    const window = this.#windows.get(code);
    const count = (window?.count ?? 0) + 1;
    const timer = window?.timer ??
      setTimeout(() => this.#end(code), WINDOW_MS);
    this.#windows.set(code, { timer, last: event, count });
    if (count <= MAX_LINES) this.#write(event);
  }

  /** Says what was counted, and counts no more. */
  close(): void {
    for (const code of [...this.#windows.keys()]) this.#end(code);
  }

  #end(code: string): void {
    const { timer, last, count } = this.#windows.get(code)!;
    clearTimeout(timer);
    this.#windows.delete(code);
    if (count <= MAX_LINES) return;
    const remedy = last.setting === null ? "" : `; change ${last.setting}`;
    this.#write({
      type: "notice",
      level: last.source === "internal" ? "error" : "warning",
      message: `${count - MAX_LINES} requests more have failed within ` +
        `${roundedDuration(WINDOW_MS)}, the last one ${last.requestId}: ` +
        `${last.message}${remedy}`,
    });
  }
}
