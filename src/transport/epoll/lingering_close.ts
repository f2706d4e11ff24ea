/**
 * How long a connection that has been ended by us is kept open, for the peer to
 * read what it was sent: a close with unread octets would reset it, and what is
 * on its way would be lost (RFC 9112 §9.6).
 *
 * @module
 */

import type { Cancellable, Timers } from "../../proxy/core/link.ts";

/** How long a peer that is told of our end may send nothing before the connection is closed. */
const LINGER_MS = 2000;

/** How often that is granted, while the peer goes on sending. As nginx's `lingering_time`. */
const MAX_LINGERS = 15;

/** Waits for the peer's end. */
export class LingeringClose {
  readonly #timers: Timers;
  readonly #close: () => void;
  #timer: Cancellable;
  #lingers = 0;
  #moved = false;

  /** Begins to wait; `close` is called when that has been for too long. */
  constructor(timers: Timers, close: () => void) {
    this.#timers = timers;
    this.#close = close;
    this.#timer = this.#begin();
  }

  /** The peer goes on sending or taking. */
  noteProgress(): void {
    this.#moved = true;
  }

  /** Waits no longer, and calls nobody. */
  cancel(): void {
    this.#timer.cancel();
  }

  #begin(): Cancellable {
    this.#moved = false;
    return this.#timers.after(LINGER_MS, () => {
      if (!this.#moved || ++this.#lingers >= MAX_LINGERS) return this.#close();
      this.#timer = this.#begin();
    });
  }
}
