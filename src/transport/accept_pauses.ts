/**
 * Says that no more connections are accepted, and that they are again: not
 * each time. At a limit, each client that leaves makes room for one, and
 * whoever connects would write the log.
 *
 * @module
 */

import type { AcceptPausedEvent } from "../events/mod.ts";
import type { Cancellable, Timers } from "../proxy/core/link.ts";

/** How long nothing must have kept clients out before that is over, in milliseconds. */
export const SETTLED_MS = 1000;

/** What it needs. */
export interface AcceptPausesOptions {
  readonly timers: Timers;
  readonly report: (event: AcceptPausedEvent) => void;
}

/** Takes note of every pause, and reports the first and the end of many. */
export class AcceptPauses {
  readonly #options: AcceptPausesOptions;
  #reported: AcceptPausedEvent["reason"] | null = null;
  #settling: Cancellable | null = null;

  /** Begins with clients being let in. */
  constructor(options: AcceptPausesOptions) {
    this.#options = options;
  }

  /** Nobody is let in from now on. */
  begin(reason: AcceptPausedEvent["reason"]): void {
    this.#settling?.cancel();
    this.#settling = null;
    if (this.#reported === reason) return;
    this.#reported = reason;
    this.#options.report({ type: "accept-paused", reason });
  }

  /** Clients are let in again. */
  end(): void {
    const { timers, report } = this.#options;
    this.#settling?.cancel();
    this.#settling = timers.after(SETTLED_MS, () => {
      this.#settling = null;
      const reason = this.#reported;
      this.#reported = null;
      if (reason !== null) report({ type: "accept-resumed", reason });
    });
  }

  /** Reports nothing any more. */
  close(): void {
    this.#settling?.cancel();
    this.#settling = null;
  }
}
