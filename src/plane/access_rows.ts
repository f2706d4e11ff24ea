/**
 * Gathers the requests that are over, for whoever wants to be told of each: a
 * message for every one would cost as much as the request itself.
 *
 * @module
 */

import type { AccessEvent } from "../events/mod.ts";
import type { Cancellable, Timers } from "../proxy/core/link.ts";
import { type AccessRow, rowOf } from "../events/access_row.ts";

/** Longest that a row is kept, in milliseconds: nobody who looks on sees it come late. */
const MAX_DELAY_MS = 20;

/** Rows that are kept at most: they share the cost of a message by then. */
const MAX_ROWS = 256;

/** Gathers rows, and hands them on before long. */
export class AccessRows {
  readonly #report: (rows: readonly AccessRow[]) => void;
  #timers: Timers | null = null;
  #due: Cancellable | null = null;
  #rows: AccessRow[] = [];

  /** Hands rows on to `report`. */
  constructor(report: (rows: readonly AccessRow[]) => void) {
    this.#report = report;
  }

  /** Gathers from now on: without timers each row is handed on at once. */
  gather(timers: Timers): void {
    this.#timers = timers;
  }

  /** Takes the row of `event`. */
  add(event: AccessEvent): void {
    this.#rows.push(rowOf(event));
    if (this.#timers === null || this.#rows.length >= MAX_ROWS) this.flush();
    else this.#due ??= this.#timers.after(MAX_DELAY_MS, () => this.flush());
  }

  /** Hands on what there is: what is told next has happened after it. */
  flush(): void {
    this.#due?.cancel();
    this.#due = null;
    if (this.#rows.length === 0) return;
    const rows = this.#rows;
    this.#rows = [];
    this.#report(rows);
  }
}
