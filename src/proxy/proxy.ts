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
import { CidrSet } from "../net/cidr.ts";
import type { Dispatcher } from "../upstream/dispatcher.ts";
import { hashClient } from "../upstream/policy/ip_hash.ts";
import { BufferPool } from "./buffer_pool.ts";
import { ClientConnection } from "./connection.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { AdminHandler, ProxyContext, ProxyOptions } from "./context.ts";
import { DateLine } from "./date_line.ts";
import { Listener } from "./listener.ts";
import type { Client } from "./proxied_request.ts";
import { RequestIds } from "./request_ids.ts";
import { Sweep } from "./sweep.ts";

/** The settings of the proxy. */
export interface ProxySettings extends ProxyOptions {
  /** CIDRs whose forwarding fields are believed. */
  readonly trustedProxies: readonly string[];
}

/** What the proxy works with. */
export interface ProxyParts {
  readonly listener: Deno.TcpListener;
  readonly dispatcher: Dispatcher;
  readonly counters: Counters;
  readonly events: EventEmitter;
  /** Answers for our own pages; `null` leaves all paths to the application. */
  readonly admin: AdminHandler | null;
}

/** Serves clients from the workers that the dispatcher has. */
export class Proxy {
  readonly #context: ProxyContext;
  readonly #listener: Listener;
  readonly #connections = new Set<ClientConnection>();
  readonly #trusted: CidrSet;
  readonly #port: number;

  /** Begins to serve. */
  constructor(settings: ProxySettings, parts: ProxyParts) {
    const { listener, dispatcher, counters, events, admin } = parts;
    const buffers = new BufferPool();
    const connections = new ConnectionPool(buffers);
    const sweep = new Sweep();
    this.#trusted = new CidrSet(settings.trustedProxies);
    this.#port = listener.addr.port;
    this.#context = {
      options: settings,
      dispatcher,
      connections,
      buffers,
      counters,
      events,
      sweep,
      admin,
      requestIds: new RequestIds(),
      dateLine: new DateLine(),
      draining: false,
      requestHead: new RequestHead(),
      responseHead: new ResponseHead(),
      writer: new ByteWriter(),
    };
    sweep.each((now) => connections.sweep(now));
    sweep.each((now) => dispatcher.sweep(now));
    sweep.start();
    this.#listener = new Listener({
      listener,
      maxConnections: settings.maxConnections,
      serve: (conn) => this.#serve(conn),
      onPause: (event) => events.emit(event),
    });
  }

  /** Idle connections to workers. */
  get idleUpstreamConnections(): number {
    return this.#context.connections.idleCount;
  }

  /**
   * Accepts no more, lets what is under way end, and then ends itself.
   * What has not ended after `timeoutMs` is cut.
   */
  async stop(timeoutMs: number): Promise<void> {
    const { sweep, connections, dispatcher } = this.#context;
    this.#context.draining = true;
    await this.#listener.close();
    for (const connection of this.#connections) connection.drain();
    const timer = setTimeout(() => this.abort(), timeoutMs);
    await this.#listener.idle();
    clearTimeout(timer);
    dispatcher.stop();
    connections.close();
    sweep.stop();
  }

  /** Cuts everything that is under way. */
  abort(): void {
    for (const connection of this.#connections) connection.abort();
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    (conn as Deno.TcpConn).setNoDelay(true);
    const client = this.#clientOf(conn.remoteAddr as Deno.NetAddr);
    const connection = new ClientConnection(this.#context, conn, client);
    this.#connections.add(connection);
    // A connection accepted while the listener was being closed.
    if (this.#context.draining) connection.drain();
    await connection.serve();
    this.#connections.delete(connection);
  }

  #clientOf(peer: Deno.NetAddr): Client {
    const address = peer.hostname;
    return {
      address,
      hash: hashClient(address),
      forwarding: forwarding({
        trusted: this.#trusted.contains(address),
        address,
        proto: "http",
        port: this.#port,
        defaultHost: `localhost:${this.#port}`,
      }),
    };
  }
}
