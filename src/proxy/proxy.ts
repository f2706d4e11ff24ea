/**
 * The data plane as one thing: give it a listener and a dispatcher, and it
 * serves.
 *
 * @module
 */

import type { EventEmitter } from "../events.ts";
import { ByteWriter } from "../http1/byte_writer.ts";
import { RequestHead } from "../http1/request_head.ts";
import { forwarding } from "../http1/request_writer.ts";
import { ResponseHead } from "../http1/response_head.ts";
import type { Counters } from "../metrics/counters.ts";
import { EventLoopLag } from "../metrics/event_loop_lag.ts";
import { CidrSet } from "../net/cidr.ts";
import { canonicalAddress } from "../net/ip_address.ts";
import type { RateRule } from "../net/rate_limit.ts";
import { DenoDriver } from "../transport/deno/driver.ts";
import { Listener } from "../transport/deno/listener.ts";
import type { Dispatcher } from "../upstream/dispatcher.ts";
import { hashClient } from "../upstream/policy/ip_hash.ts";
import { adminPort } from "./admin_responses.ts";
import type { AdminHandler } from "./admin_responses.ts";
import type { Client } from "./core/client.ts";
import { ClientGate } from "./core/client_gate.ts";
import { ClientSession } from "./core/client_session.ts";
import { ConnectionPool } from "./core/connection_pool.ts";
import type { ProxyContext, ProxyOptions } from "./core/context.ts";
import { DateLine } from "./core/date_line.ts";
import { DEADLINE_INTERVAL_MS, Deadlines } from "./core/deadlines.ts";
import { Handshake, type HandshakeOptions } from "./core/handshake.ts";
import type { Link } from "./core/link.ts";
import { RequestIds } from "./core/request_ids.ts";
import { SkewCookie } from "./core/skew_cookie.ts";
import { Suspects } from "./core/suspects.ts";
import { InFlight } from "./in_flight.ts";

/** The settings of the proxy. */
export interface ProxySettings extends ProxyOptions {
  /** Whether each connection begins with a PROXY header. */
  readonly proxyProtocol: boolean;
  /** CIDRs whose forwarding fields are believed. */
  readonly trustedProxies: readonly string[];
  /** Requests that each client may make; `null` is no limit. */
  readonly rateLimit: RateRule | null;
  /** Whether clients stay with the generation of workers that has served them. */
  readonly skewProtection: boolean;
}

/** What the proxy works with. */
export interface ProxyParts {
  readonly listener: Pick<Deno.Listener, "accept" | "close">;
  /** The port clients know; 0 for a unix socket. */
  readonly port: number;
  /** Where the certificate of the moment is; `null` for plain HTTP. */
  readonly tls: HandshakeOptions["tls"];
  readonly dispatcher: Dispatcher;
  readonly counters: Counters;
  readonly events: EventEmitter;
  /** Answers for our own pages; `null` leaves all paths to the application. */
  readonly admin: AdminHandler | null;
}

/** How a client without an address is named in forwarding fields (RFC 7239 §6.2). */
const UNKNOWN_ADDRESS = "unknown";

/** Clients whose description is kept; beyond, all are forgotten and made anew. */
const MAX_KNOWN_CLIENTS = 4096;

/** Serves clients from the workers that the dispatcher has. */
export class Proxy {
  /** The requests that wait for an answer. */
  readonly inFlight: InFlight;

  readonly #context: ProxyContext;
  readonly #listener: Listener;
  readonly #driver: DenoDriver;
  readonly #handshakes = new Set<Handshake>();
  readonly #sessions = new Set<ClientSession>();
  readonly #eventLoopLag = new EventLoopLag(
    DEADLINE_INTERVAL_MS,
    performance.now(),
  );
  /** Clients by their address: most come again. */
  readonly #clients = new Map<string | null, Client>();
  readonly #trusted: CidrSet;
  readonly #port: number;
  readonly #handshakeOptions: HandshakeOptions;
  /** Looks whether what is drained for has come. */
  #onDrainProgress: (() => void) | null = null;

  /** Begins to serve. */
  constructor(settings: ProxySettings, parts: ProxyParts) {
    const { listener, dispatcher, counters, events, admin } = parts;
    const { rateLimit, skewProtection } = settings;
    const driver = this.#driver = new DenoDriver(counters);
    const { buffers, clock, connector, timers } = driver;
    const connections = new ConnectionPool(clock);
    const deadlines = new Deadlines(clock.now());
    const suspects = new Suspects();
    this.inFlight = new InFlight(this.#sessions, suspects);
    this.#trusted = new CidrSet(settings.trustedProxies);
    this.#port = parts.port;
    this.#handshakeOptions = {
      proxyProtocol: settings.proxyProtocol,
      tls: parts.tls,
    };
    this.#context = {
      options: settings,
      dispatcher,
      connections,
      buffers,
      counters,
      events,
      clock,
      connector,
      timers,
      deadlines,
      suspects,
      admin: admin === null ? null : adminPort(admin),
      gate: rateLimit !== null || dispatcher.sticky
        ? new ClientGate(clock, { trusted: this.#trusted, rule: rateLimit })
        : null,
      skew: skewProtection ? new SkewCookie(parts.tls !== null) : null,
      requestIds: new RequestIds(),
      dateLine: new DateLine(Date.now),
      reportFault: reportError,
      draining: false,
      finishing: false,
      requestHead: new RequestHead(),
      responseHead: new ResponseHead(),
      writer: new ByteWriter(),
    };
    deadlines.each((now) => this.#eventLoopLag.tick(now));
    deadlines.each((now) => connections.sweep(now));
    deadlines.each((now) => dispatcher.sweep(now));
    deadlines.each((now) => suspects.expire(now));
    deadlines.each(() => this.#onDrainProgress?.());
    driver.start(deadlines);
    this.#listener = new Listener({
      listener,
      maxConnections: settings.maxConnections,
      serve: (conn) => this.#serve(conn),
      onPause: (event) => events.emit(event),
      closeIdle: (count) => this.#closeIdle(count),
    });
  }

  /** Idle connections to workers. */
  get idleUpstreamConnections(): number {
    return this.#context.connections.idleCount;
  }

  /** By how much the event loop has been late of late, at worst, in milliseconds. */
  get eventLoopLagMs(): number {
    return this.#eventLoopLag.worstMs;
  }

  /**
   * Accepts no more, and lets end what only a worker can end: requests, and
   * what may become one. Resolves when nothing but streams is left, or after
   * `timeoutMs`; the workers may be asked to end then, and what they say to
   * that is passed on. {@linkcode stop} is to follow.
   */
  async drain(timeoutMs: number): Promise<void> {
    await this.#beginDrain();
    const deadline = performance.now() + timeoutMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onDrainProgress = () => {
      if (!this.#needsWorkers || performance.now() >= deadline) resolve();
    };
    this.#onDrainProgress();
    await promise;
    // Whoever waits in the queue has waited in vain.
    this.#context.dispatcher.stop();
  }

  /**
   * Accepts no more, lets what is under way end, and then ends itself.
   * What has not ended after `timeoutMs` is cut.
   *
   * @param workersGone Whether nobody is left who could answer a request:
   * connections are not kept for one then.
   */
  async stop(timeoutMs: number, workersGone = false): Promise<void> {
    const { connections, dispatcher } = this.#context;
    await this.#beginDrain();
    if (workersGone) {
      this.#context.finishing = true;
      for (const session of this.#sessions) session.finish();
    }
    const timer = setTimeout(() => this.abort(), timeoutMs);
    await this.#listener.idle();
    clearTimeout(timer);
    dispatcher.stop();
    connections.close();
    this.#driver.stop();
  }

  async #beginDrain(): Promise<void> {
    await this.#listener.close();
    if (this.#context.draining) return;
    // Not sooner: whoever is told to connect anew would still get in.
    this.#context.draining = true;
    for (const handshake of this.#handshakes) handshake.drain();
    for (const session of this.#sessions) session.drain();
  }

  get #needsWorkers(): boolean {
    if (this.#handshakes.size > 0) return true;
    for (const session of this.#sessions) {
      if (session.needsWorker) return true;
    }
    return false;
  }

  /** Cuts everything that is under way. */
  abort(): void {
    for (const handshake of this.#handshakes) handshake.abort();
    for (const session of this.#sessions) session.abort();
  }

  /** Closes up to `count` idle connections: those first that would be closed soonest anyway. */
  #closeIdle(count: number): void {
    [...this.#sessions]
      .filter((session) => session.idle)
      .sort((a, b) => a.deadline - b.deadline)
      .slice(0, count)
      .forEach((session) => session.abort());
  }

  #serve(conn: Deno.Conn): void {
    if (isTcp(conn)) conn.setNoDelay(true);
    const link = this.#driver.link(conn);
    const address = peerAddress(conn.remoteAddr);
    const { proxyProtocol, tls } = this.#handshakeOptions;
    if (proxyProtocol || tls !== null) this.#beginHandshake(link, address);
    else this.#beginSession(link, address);
  }

  #beginHandshake(link: Link, peer: string | null): void {
    const handshake = new Handshake(this.#context, {
      link,
      options: this.#handshakeOptions,
      onOver: (_, introduced) => {
        this.#handshakes.delete(handshake);
        if (introduced === null) this.#onClosed();
        else {
          const { sourceAddress } = introduced;
          this.#beginSession(introduced.link, sourceAddress ?? peer);
        }
      },
    });
    this.#handshakes.add(handshake);
    // A connection accepted while the listener was being closed.
    if (this.#context.draining) handshake.drain();
    handshake.start();
  }

  #beginSession(link: Link, address: string | null): void {
    const session = new ClientSession(this.#context, {
      link,
      client: this.#clientOf(address),
      onClosed: () => {
        this.#sessions.delete(session);
        this.#onClosed();
      },
    });
    this.#sessions.add(session);
    if (this.#context.draining) session.drain();
    session.start();
  }

  #onClosed(): void {
    this.#listener.closed();
    this.#onDrainProgress?.();
  }

  /** `address` is `null` for a peer on a unix socket: whoever may open that is believed. */
  #clientOf(address: string | null): Client {
    const known = this.#clients.get(address);
    if (known !== undefined) return known;
    const client = this.#describeClient(address);
    if (this.#clients.size >= MAX_KNOWN_CLIENTS) this.#clients.clear();
    this.#clients.set(address, client);
    return client;
  }

  #describeClient(address: string | null): Client {
    return {
      address: address ?? UNKNOWN_ADDRESS,
      hash: hashClient(address ?? ""),
      forwarding: forwarding({
        trusted: address === null || this.#trusted.contains(address),
        address: address ?? UNKNOWN_ADDRESS,
        proto: this.#handshakeOptions.tls === null ? "http" : "https",
        port: this.#port,
        defaultHost: this.#port === 0 ? "localhost" : `localhost:${this.#port}`,
      }),
    };
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
