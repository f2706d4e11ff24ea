/**
 * Lets the clients of a listening socket into a data plane, on epoll.
 *
 * @module
 */

import type { EventEmitter } from "../../events/mod.ts";
import { SMALL_BUFFER_BYTES } from "../../proxy/core/buffer_pool.ts";
import type { Acceptor, ProxyEngine } from "../../proxy/core/engine.ts";
import { EpollListener } from "./listener.ts";
import type { LinkContext } from "./link.ts";

/** What it lets clients into, and from where. */
export interface EpollAcceptorOptions {
  /** A listening, non-blocking socket; closed once no more are accepted. */
  readonly fd: number;
  /** Connections at once. */
  readonly maxConnections: number;
  readonly engine: ProxyEngine;
  readonly events: EventEmitter;
}

/** Accepts until it is closed, and the socket with it: from then on clients are refused. */
export class EpollAcceptor implements Acceptor {
  readonly #context: LinkContext;
  readonly #fd: number;
  readonly #listener: EpollListener;
  #closed = false;

  /** Begins to accept. */
  constructor(context: LinkContext, options: EpollAcceptorOptions) {
    const { engine, events, fd, maxConnections } = options;
    const { libc, loop, buffers, pipes } = context;
    this.#context = context;
    this.#fd = fd;
    this.#listener = new EpollListener({
      libc,
      loop,
      buffers,
      pipes,
      fd,
      maxConnections,
      inputBytes: SMALL_BUFFER_BYTES,
      onAccept: (link, peer) =>
        engine.accept({
          link,
          peerAddress: peer?.hostname ?? null,
          onClosed: () => {},
        }),
      onPause: (event) => events.emit(event),
      closeIdle: (count, idleMs) => engine.closeIdle(count, idleMs),
    });
  }

  close(onClosed: () => void): void {
    this.#listener.close(() => {
      if (!this.#closed) this.#context.libc.call.close(this.#fd);
      this.#closed = true;
      onClosed();
    });
  }
}
