/**
 * Making room where no more connections may be let in: those go that have been
 * idle for longest, so that somebody who waits to be let in does not wait for
 * somebody who wants nothing.
 *
 * @module
 */

/** How often is looked whether somebody is idle, in milliseconds: there may be thousands. */
export const ROOM_INTERVAL_MS = 100;

/** Share of the connections that goes at once. */
const ROOM_RATIO = 0.1;

/** Who has been idle for so long, in milliseconds, is not just about to ask for more. */
const LEAST_IDLE_MS = 1_000;

/** Asks for connections to be closed: so many of those that have been idle for `idleMs`, at most. */
export type CloseIdle = (count: number, idleMs: number) => void;

/** Makes room, now and then. */
export class Room {
  readonly #closeIdle: CloseIdle;
  #madeAt = -Infinity;

  /** @param closeIdle Closes them. */
  constructor(closeIdle: CloseIdle) {
    this.#closeIdle = closeIdle;
  }

  /** Makes some among those that are `open`, unless that was just tried. */
  make(open: number, now: number): void {
    if (now - this.#madeAt < ROOM_INTERVAL_MS) return;
    this.#madeAt = now;
    this.#closeIdle(Math.ceil(open * ROOM_RATIO), LEAST_IDLE_MS);
  }
}
