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
import type { Dispatcher } from "../upstream/dispatcher.ts";
import { hashClient } from "../upstream/policy/ip_hash.ts";
import { affinityOf } from "./affinity.ts";
import {
  Arrival,
  type ArrivalOptions,
  type Arrived,
  newClientSocket,
} from "./arrival.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { Client } from "./client.ts";
import { ClientGate } from "./client_gate.ts";
import { ClientConnection } from "./connection.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { AdminHandler, ProxyContext, ProxyOptions } from "./context.ts";
import { DateLine } from "./date_line.ts";
import { InFlight } from "./in_flight.ts";
import { Listener } from "./listener.ts";
import { RequestIds } from "./request_ids.ts";
import { SkewCookie } from "./skew_cookie.ts";
import { Suspects } from "./suspects.ts";
import { Sweep, SWEEP_INTERVAL_MS } from "./sweep.ts";
import { Turns } from "./turns.ts";

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
  /** What ties clients to workers: `cookie`, or `header:NAME`. @default {null} */
  readonly affinity?: string | null;
}

/** What the proxy works with. */
export interface ProxyParts {
  readonly listener: Pick<Deno.Listener, "accept" | "close">;
  /** The port clients know; 0 for a unix socket. */
  readonly port: number;
  /** Where the certificate of the moment is; `null` for plain HTTP. */
  readonly tls: ArrivalOptions["tls"];
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
  readonly #arriving = new Set<Arrival>();
  readonly #connections = new Set<ClientConnection>();
  readonly #eventLoopLag = new EventLoopLag(
    SWEEP_INTERVAL_MS,
    performance.now(),
  );
  /** Clients by their address: most come again. */
  readonly #clients = new Map<string | null, Client>();
  readonly #trusted: CidrSet;
  readonly #port: number;
  readonly #arrivals: ArrivalOptions;
  /** Looks whether what is drained for has come. */
  #onDrainProgress: (() => void) | null = null;

  /** Begins to serve. */
  constructor(settings: ProxySettings, parts: ProxyParts) {
    const { listener, dispatcher, counters, events, admin } = parts;
    const { rateLimit, skewProtection, affinity = null } = settings;
    const buffers = new BufferPool();
    const connections = new ConnectionPool(buffers);
    const sweep = new Sweep();
    const suspects = new Suspects();
    this.inFlight = new InFlight(this.#connections, suspects);
    this.#trusted = new CidrSet(settings.trustedProxies);
    this.#port = parts.port;
    this.#arrivals = {
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
      sweep,
      suspects,
      admin,
      gate: rateLimit !== null || dispatcher.sticky
        ? new ClientGate(this.#trusted, rateLimit)
        : null,
      skew: skewProtection ? new SkewCookie(parts.tls !== null) : null,
      affinity: affinity === null
        ? null
        : affinityOf(affinity, parts.tls !== null),
      turns: new Turns(counters),
      requestIds: new RequestIds(),
      dateLine: new DateLine(),
      draining: false,
      finishing: false,
      requestHead: new RequestHead(),
      responseHead: new ResponseHead(),
      writer: new ByteWriter(),
    };
    sweep.each((now) => this.#eventLoopLag.tick(now));
    sweep.each((now) => connections.sweep(now));
    sweep.each((now) => dispatcher.sweep(now));
    sweep.each((now) => suspects.expire(now));
    sweep.each(() => this.#onDrainProgress?.());
    sweep.start();
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
    const { sweep, connections, dispatcher } = this.#context;
    await this.#beginDrain();
    if (workersGone) {
      this.#context.finishing = true;
      for (const connection of this.#connections) connection.finish();
    }
    const timer = setTimeout(() => this.abort(), timeoutMs);
    await this.#listener.idle();
    clearTimeout(timer);
    dispatcher.stop();
    connections.close();
    sweep.stop();
  }

  async #beginDrain(): Promise<void> {
    await this.#listener.close();
    if (this.#context.draining) return;
    // Not sooner: whoever is told to connect anew would still get in.
    this.#context.draining = true;
    for (const arrival of this.#arriving) arrival.drain();
    for (const connection of this.#connections) connection.drain();
  }

  get #needsWorkers(): boolean {
    if (this.#arriving.size > 0) return true;
    for (const connection of this.#connections) {
      if (connection.needsWorker) return true;
    }
    return false;
  }

  /** Cuts everything that is under way. */
  abort(): void {
    for (const arrival of this.#arriving) arrival.abort();
    for (const connection of this.#connections) connection.abort();
  }

  /** Closes up to `count` idle connections: those first that would be closed soonest anyway. */
  #closeIdle(count: number): void {
    [...this.#connections]
      .filter((connection) => connection.idle)
      .sort((a, b) => a.deadline - b.deadline)
      .slice(0, count)
      .forEach((connection) => connection.abort());
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    if (isTcp(conn)) conn.setNoDelay(true);
    const { proxyProtocol, tls } = this.#arrivals;
    const arrived = proxyProtocol || tls !== null
      ? await this.#arrive(conn)
      : { socket: newClientSocket(conn, this.#context), sourceAddress: null };
    if (arrived === null) return;
    const client = this.#clientOf(
      arrived.sourceAddress ?? peerAddress(conn.remoteAddr),
    );
    const connection = new ClientConnection(
      this.#context,
      arrived.socket,
      client,
    );
    this.#connections.add(connection);
    if (this.#context.draining) connection.drain();
    await connection.serve();
    this.#connections.delete(connection);
    this.#onDrainProgress?.();
  }

  async #arrive(conn: Deno.Conn): Promise<Arrived | null> {
    const arrival = new Arrival(this.#context, conn, this.#arrivals);
    this.#arriving.add(arrival);
    // A connection accepted while the listener was being closed.
    if (this.#context.draining) arrival.drain();
    const arrived = await arrival.arrive();
    this.#arriving.delete(arrival);
    return arrived;
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
        proto: this.#arrivals.tls === null ? "http" : "https",
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
