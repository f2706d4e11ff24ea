/**
 * The data plane in the runtime's own event loop: give it a listener and a
 * dispatcher, and it serves.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import type { Counters } from "../proxy/core/counters.ts";
import { canonicalAddress } from "../net/ip_address.ts";
import { DenoDriver } from "../transport/deno/driver.ts";
import { Listener } from "../transport/deno/listener.ts";
import type { Dispatcher } from "../upstream/dispatcher.ts";
import type { AdminPort } from "../proxy/core/admin_port.ts";
import { type EngineSettings, ProxyEngine } from "../proxy/core/engine.ts";
import type { Suspects } from "../proxy/core/suspects.ts";
import type { Tracer } from "../proxy/core/tracer.ts";
import type { TlsServer } from "../proxy/core/handshake.ts";

/** The settings of the proxy. */
export type ProxySettings = EngineSettings;

/** What the proxy works with. */
export interface ProxyParts {
  readonly listener: Pick<Deno.Listener, "accept" | "close">;
  /** The port clients know; 0 for a unix socket. */
  readonly port: number;
  /** Where the certificate of the moment is; `null` for plain HTTP. */
  readonly tls: TlsServer | null;
  readonly dispatcher: Dispatcher;
  /** Monotonic time in milliseconds, by which the dispatcher goes, too. */
  readonly clock: () => number;
  readonly counters: Counters;
  readonly events: EventEmitter;
  /** Who makes our own pages; `null` leaves all paths to the application. */
  readonly admin: AdminPort | null;
  /** Records traces. @default {nobody does} */
  readonly tracer?: Tracer | null;
}

/** Serves clients from the workers that the dispatcher has. */
export class Proxy {
  readonly engine: ProxyEngine;
  readonly driver: DenoDriver;
  readonly acceptor: Listener;

  /** Begins to serve. */
  constructor(settings: ProxySettings, parts: ProxyParts) {
    const { clock, counters, events, listener } = parts;
    const driver = this.driver = new DenoDriver(counters, clock);
    const engine = this.engine = new ProxyEngine(settings, {
      ...parts,
      driver,
    });
    driver.start(engine.deadlines);
    this.acceptor = new Listener({
      listener,
      maxConnections: settings.maxConnections,
      serve: (conn) => this.#serve(conn),
      onPause: (event) => events.emit(event),
      timers: driver.timers,
      closeIdle: (count, idleMs) => engine.closeIdle(count, idleMs),
    });
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
      this.engine.drain(this.acceptor, { timeoutMs }, resolve)
    );
  }

  /** As {@linkcode ProxyEngine.stop}. */
  async stop(timeoutMs: number, workersGone = false): Promise<void> {
    const how = { timeoutMs, workersGone };
    await new Promise<void>((resolve) =>
      this.engine.stop(this.acceptor, how, resolve)
    );
    this.driver.stop();
  }

  /** Cuts everything that is under way. */
  abort(): void {
    this.engine.abort();
  }

  #serve(conn: Deno.Conn): void {
    if (isTcp(conn)) conn.setNoDelay(true);
    this.engine.accept({
      link: this.driver.link(conn),
      peerAddress: peerAddress(conn.remoteAddr),
      onClosed: () => this.acceptor.closed(),
    });
  }
}

function isTcp(conn: Deno.Conn): conn is Deno.TcpConn {
  return conn.remoteAddr.transport === "tcp";
}

function peerAddress(address: Deno.Addr): string | null {
  if (address.transport !== "tcp") return null;
  const { hostname } = address;
  // Only IPv6 can be written in more ways than one.
  return hostname.includes(":")
    ? canonicalAddress(hostname) ?? hostname
    : hostname;
}
