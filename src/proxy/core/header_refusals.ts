/**
 * Says that connections do not begin with the PROXY header that PROXY_PROTOCOL
 * asks for. They are closed without a word, so that nobody else does.
 *
 * @module
 */

import type { EventEmitter } from "../../events/mod.ts";

/** How often it is said at most, in milliseconds: one client in the wrong place may come back for ever. */
const NOTICE_INTERVAL_MS = 60_000;

/** Counts refused connections, and says so now and then. */
export class HeaderRefusals {
  readonly #events: EventEmitter;
  #silentUntil = -Infinity;
  /** Refused since it was said. */
  #unsaid = 0;

  /** Begins with none. */
  constructor(events: EventEmitter) {
    this.#events = events;
  }

  /** A connection from `peerAddress`, or on a unix socket, was closed at `now`. */
  note(reason: string, peerAddress: string | null, now: number): void {
    if (now < this.#silentUntil) {
      this.#unsaid++;
      return;
    }
    const others = this.#unsaid === 0 ? "" : ` (${this.#unsaid} before it)`;
    const from = peerAddress === null ? "" : ` from ${peerAddress}`;
    this.#silentUntil = now + NOTICE_INTERVAL_MS;
    this.#unsaid = 0;
    this.#events.emit({
      type: "notice",
      level: "warning",
      message: `PROXY_PROTOCOL is on, and a connection${from} was closed` +
        `${others}: ${reason}. Have whoever connects here send the header, ` +
        "or set PROXY_PROTOCOL=off.",
    });
  }
}
