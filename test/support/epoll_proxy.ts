/**
 * The data plane on epoll in the thread of the test: its loop is turned
 * between the events of Deno's. Buffers are poisoned when they are given
 * back, and descriptors kept book of.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import {
  MEDIUM_BUFFER_BYTES,
  SMALL_BUFFER_BYTES,
} from "../../src/proxy/core/buffer_pool.ts";
import { DEADLINE_INTERVAL_MS } from "../../src/proxy/core/deadlines.ts";
import { type Acceptor, ProxyEngine } from "../../src/proxy/core/engine.ts";
import type { Suspects } from "../../src/proxy/core/suspects.ts";
import type { ProxyParts, ProxySettings } from "../../src/plane/deno_proxy.ts";
import { EpollConnector } from "../../src/transport/epoll/connector.ts";
import { EventLoop } from "../../src/transport/epoll/event_loop.ts";
import { EpollListener } from "../../src/transport/epoll/listener.ts";
import { listen } from "../../src/transport/epoll/listening_socket.ts";
import { PoisonedPool } from "../transport/epoll/poisoned_pool.ts";
import { TrackedLibc } from "../transport/epoll/tracked_libc.ts";

/** Whether the suites are to be run on epoll: `PROXY_TRANSPORT=epoll`. */
export function wantsEpoll(): boolean {
  return Deno.env.get("PROXY_TRANSPORT") === "epoll";
}

/** What it works with: all but a listener, which it opens itself. */
export type EpollProxyParts = Omit<ProxyParts, "listener" | "port" | "tls">;

/** Serves as `Proxy` does, on epoll. */
export class EpollProxy {
  readonly engine: ProxyEngine;
  /** Port it serves clients on. */
  readonly port: number;

  readonly #libc = new TrackedLibc();
  readonly #buffers = new PoisonedPool();
  readonly #errors: unknown[] = [];
  readonly #loop: EventLoop;
  readonly #acceptor: Acceptor;
  #listeningFd: number;
  readonly #pumping: Promise<void>;
  #over = false;

  /** Begins to serve. */
  constructor(settings: ProxySettings, parts: EpollProxyParts) {
    const libc = this.#libc;
    const buffers = this.#buffers;
    const reportFault = (error: unknown): void => {
      this.#errors.push(error);
    };
    const loop = this.#loop = new EventLoop({ libc, onError: reportFault });
    const context = { libc, loop, buffers };
    const connector = new EpollConnector({
      ...context,
      inputBytes: MEDIUM_BUFFER_BYTES,
    });
    const { fd, port } = listen(libc, { hostname: "127.0.0.1", port: 0 });
    this.#listeningFd = fd;
    this.port = port;
    const engine = this.engine = new ProxyEngine(settings, {
      ...parts,
      tls: null,
      port,
      driver: { clock: loop, timers: loop, connector, buffers, reportFault },
    });
    const listener = new EpollListener({
      ...context,
      fd,
      maxConnections: settings.maxConnections,
      inputBytes: SMALL_BUFFER_BYTES,
      onAccept: (link, peer) =>
        engine.accept({
          link,
          peerAddress: peer?.hostname ?? null,
          onClosed: () => {},
        }),
      onPause: (event) => parts.events.emit(event),
      closeIdle: (count) => engine.closeIdle(count),
    });
    // The socket is ours: whoever comes later is refused.
    this.#acceptor = {
      close: (onClosed) =>
        listener.close(() => {
          this.#closeSocket();
          onClosed();
        }),
    };
    this.#enforceDeadlines();
    this.#pumping = this.#pump();
  }

  /** Requests that have cost workers of late. */
  get suspects(): Suspects {
    return this.engine.suspects;
  }

  /** Idle connections to workers. */
  get idleUpstreamConnections(): number {
    return this.engine.idleUpstreamConnections;
  }

  /** By how much the event loop has been late of late, at worst, in milliseconds. */
  get eventLoopLagMs(): number {
    return this.engine.eventLoopLagMs;
  }

  /** As {@linkcode ProxyEngine.drain}. */
  drain(timeoutMs: number): Promise<void> {
    return new Promise((resolve) =>
      this.engine.drain(this.#acceptor, { timeoutMs }, resolve)
    );
  }

  /** As {@linkcode ProxyEngine.stop}; then nothing may be left. */
  async stop(timeoutMs: number, workersGone = false): Promise<void> {
    const how = { timeoutMs, workersGone };
    await new Promise<void>((resolve) =>
      this.engine.stop(this.#acceptor, how, resolve)
    );
    this.#over = true;
    await this.#pumping;
    this.#loop.close();
    this.#closeSocket();
    assert.deepEqual([...this.#libc.open], [], "descriptors are left");
    assert.deepEqual(this.#errors, []);
  }

  #closeSocket(): void {
    if (this.#listeningFd >= 0) this.#libc.call.close(this.#listeningFd);
    this.#listeningFd = -1;
  }

  #enforceDeadlines(): void {
    this.#loop.after(DEADLINE_INTERVAL_MS, () => {
      this.#enforceDeadlines();
      this.engine.deadlines.enforce(this.#loop.now());
    });
  }

  async #pump(): Promise<void> {
    while (!this.#over) {
      this.#loop.turn(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
