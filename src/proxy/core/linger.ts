/**
 * How long a client is listened to that has its response and is still sending.
 *
 * Closing with unread octets resets the connection, and the response would be
 * lost with it (RFC 9112 §9.6): so they are read for a while, and dropped.
 *
 * @module
 */

import type { ProxyContext } from "./context.ts";

/** How long it may be silent, with something left to send, before it is cut off. */
const LINGER_MS = 2000;

/** How long it may go on sending what nobody wants. As nginx's `lingering_time`. */
const MAX_LINGER_MS = 30_000;

/** The deadline of a client that is listened to. */
export class Linger {
  /** When it is cut off unless it sends more. */
  deadline: number;
  readonly #context: Pick<ProxyContext, "deadlines" | "draining">;
  readonly #end: number;

  /** Begins now. */
  constructor(context: Pick<ProxyContext, "deadlines" | "draining">) {
    const { now } = context.deadlines;
    this.#context = context;
    this.deadline = now + LINGER_MS;
    this.#end = now + MAX_LINGER_MS;
  }

  /** It is still sending: many look for their response only when they have sent all. A pool that stops waits for none of them. */
  renew(): void {
    const { draining, deadlines } = this.#context;
    if (draining) return;
    this.deadline = Math.min(deadlines.now + LINGER_MS, this.#end);
  }
}
