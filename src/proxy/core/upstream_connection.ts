/**
 * One connection to a worker: with an exchange, or idle until the next.
 *
 * @module
 */

import type { Upstream } from "../../upstream/upstream.ts";
import type { Link, LinkHandler } from "./link.ts";

/** What a connection to a worker is doing. */
export type UpstreamConnectionState =
  /** To be used for the first time. */
  | { readonly type: "new" }
  /** Carrying an exchange, which gets the events of the link. */
  | { readonly type: "busy"; readonly exchange: LinkHandler }
  /** Kept for the next exchange. Whatever comes now, an end or a response to nothing, ends it. */
  | { readonly type: "idle"; readonly since: number; readonly until: number }
  | { readonly type: "closed" };

const NEW: UpstreamConnectionState = Object.freeze({ type: "new" });
const CLOSED: UpstreamConnectionState = Object.freeze({ type: "closed" });

/** Is told that an idle connection has become useless. */
export type IdleListener = (connection: UpstreamConnection) => void;

/** A connection to a worker. */
export class UpstreamConnection implements LinkHandler {
  readonly upstream: Upstream;
  readonly link: Link;
  /** Whether it has carried an exchange before. */
  reused = false;
  /** When it was last given an exchange, on the clock of the driver. */
  usedAt = 0;

  readonly #onUseless: IdleListener;
  #state: UpstreamConnectionState = NEW;

  /** Takes `link` over; `onUseless` is called when it ends while it is idle. */
  constructor(upstream: Upstream, link: Link, onUseless: IdleListener) {
    this.upstream = upstream;
    this.link = link;
    this.#onUseless = onUseless;
    link.handler = this;
  }

  /** What it is doing. */
  get state(): UpstreamConnectionState {
    return this.#state;
  }

  /** Carries `exchange` from now on. */
  use(exchange: LinkHandler, now: number): void {
    this.usedAt = now;
    this.reused = this.#state.type === "idle";
    this.#state = { type: "busy", exchange };
  }

  /** Waits for the next exchange. */
  rest(since: number, until: number): void {
    this.#state = { type: "idle", since, until };
    this.link.watch(false);
  }

  /** Ends it, whatever is under way. */
  close(): void {
    this.#state = CLOSED;
    this.link.close();
  }

  onData(link: Link): void {
    if (this.#state.type === "busy") this.#state.exchange.onData(link);
    else this.#onUseless(this);
  }

  onEnd(link: Link): void {
    if (this.#state.type === "busy") this.#state.exchange.onEnd(link);
    else this.#onUseless(this);
  }

  onWritten(link: Link, written: boolean): void {
    if (this.#state.type === "busy") {
      this.#state.exchange.onWritten(link, written);
    }
  }
}
