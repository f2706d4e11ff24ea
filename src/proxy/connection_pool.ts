/**
 * Connections to workers, kept while they are idle.
 *
 * Workers close idle connections, and a request written at that moment is
 * lost. So a read is left pending on each idle connection, which shows the end
 * as soon as it comes; connections are given up before the worker would; and
 * the newest is used first. A request that must not be lost is given only one
 * that was in use a moment ago, and only where the worker is known to keep
 * connections at all: some close them with each answer and do not say so.
 *
 * @module
 */

import { abortAtEndOfTurn } from "../net/abort_at_end_of_turn.ts";
import { isExhaustion } from "../net/exhaustion.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type BufferPool, MEDIUM_BUFFER_BYTES } from "./buffer_pool.ts";
import { ProxyError } from "./proxy_error.ts";
import { Socket } from "./socket.ts";

/** How long a worker may take to accept a connection. Its backlog is full when it takes this long. */
const CONNECT_TIMEOUT_MS = 3500;

/** How long an idle connection is kept when the worker gives no hint. Node's own limit is 5 s. */
const DEFAULT_IDLE_MS = 4000;

/** Longest an idle connection is kept, whatever the worker says. */
const MAX_IDLE_MS = 60_000;

/**
 * A request that cannot be sent again gets a connection used this recently, or
 * a new one. Half of what the least patient of servers wait, who wait a second.
 */
const FRESH_ENOUGH_MS = 500;

/** Taken off the worker's hint: for our clock's coarseness and the way of the packets. */
const IDLE_MARGIN_MS = 1000;

/** Idle connections kept to one worker. More than a worker of this kind can use at once. */
const MAX_IDLE_PER_UPSTREAM = 512;

/** A connection to a worker. */
export class UpstreamConnection {
  readonly upstream: Upstream;
  readonly socket: Socket;
  /** Whether it has carried an exchange before. */
  reused = false;
  /** When it became idle. */
  idleSince = 0;
  /** When it is given up. */
  idleUntil = 0;
  /** Called when something comes, or the end, while it is idle. */
  readonly onIdleRead: () => void;

  /** Takes `socket` over; `discard` is called when it has become useless while idle. */
  constructor(
    upstream: Upstream,
    socket: Socket,
    discard: (connection: UpstreamConnection) => void,
  ) {
    this.upstream = upstream;
    this.socket = socket;
    this.onIdleRead = () => discard(this);
  }
}

/** Idle connections to one worker. */
interface IdleConnections {
  /** The newest last. */
  readonly connections: UpstreamConnection[];
  /** Whether the worker is known to leave connections open after an answer. */
  kept: boolean;
  /** The oldest one at the last look. */
  oldest: UpstreamConnection | undefined;
}

/** Opens connections to workers and keeps idle ones. */
export class ConnectionPool {
  readonly #buffers: BufferPool;
  readonly #idle = new Map<Upstream, IdleConnections>();

  /** Creates a pool with no connections. */
  constructor(buffers: BufferPool) {
    this.#buffers = buffers;
  }

  /** Idle connections, to all workers together. */
  get idleCount(): number {
    let count = 0;
    for (const { connections } of this.#idle.values()) {
      count += connections.length;
    }
    return count;
  }

  /**
   * The newest idle connection to `upstream`, or `null`.
   *
   * @param repeatable Whether the request can be sent again when the
   * connection turns out to be closed. One that cannot is given only a
   * connection that is safe to use.
   */
  take(
    upstream: Upstream,
    now: number,
    repeatable: boolean,
  ): UpstreamConnection | null {
    const idle = this.#idle.get(upstream);
    const connection = idle?.connections.at(-1);
    if (connection === undefined || now >= connection.idleUntil) return null;
    if (!repeatable && !(idle!.kept && idleMs(connection) < FRESH_ENOUGH_MS)) {
      return null;
    }
    idle!.connections.pop();
    connection.socket.onUnawaitedRead = null;
    connection.reused = true;
    return connection;
  }

  /**
   * Opens a connection.
   *
   * @throws {ProxyError} `connect-failed`, which may be tried again: nothing
   *   was sent. `out-of-descriptors`, where another worker would not help.
   */
  async connect(upstream: Upstream): Promise<UpstreamConnection> {
    const cut = new AbortController();
    const timer = setTimeout(() => abortAtEndOfTurn(cut), CONNECT_TIMEOUT_MS);
    try {
      const conn = await Deno.connect({
        hostname: upstream.hostname,
        port: upstream.port,
        signal: cut.signal,
      });
      conn.setNoDelay(true);
      const socket = new Socket(conn, this.#buffers, MEDIUM_BUFFER_BYTES);
      return new UpstreamConnection(upstream, socket, this.#discard);
    } catch (cause) {
      if (isExhaustion(cause)) {
        throw new ProxyError("out-of-descriptors", { cause });
      }
      if (cause instanceof Deno.errors.ConnectionRefused) {
        upstream.reportRefused();
      }
      throw connectFailed(cause, cut.signal.aborted);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Keeps a connection whose exchange is complete on both sides. */
  put(
    connection: UpstreamConnection,
    now: number,
    keepAliveSeconds: number,
  ): void {
    const { upstream, socket } = connection;
    if (upstream.retired || socket.ended || socket.available > 0) {
      return socket.dispose();
    }
    const idle = this.#idleConnectionsTo(upstream);
    if (connection.reused) idle.kept = true;
    const { connections } = idle;
    if (connections.length >= MAX_IDLE_PER_UPSTREAM) return socket.dispose();
    connection.idleSince = now;
    connection.idleUntil = now + idleLimitMs(keepAliveSeconds);
    // Whatever comes now, an end or an answer to nothing, it is of no more use.
    socket.onUnawaitedRead = connection.onIdleRead;
    socket.resize(MEDIUM_BUFFER_BYTES);
    connections.push(connection);
    socket.watch();
  }

  /** Gives up what has been idle for too long. */
  sweep(now: number): void {
    for (const idle of this.#idle.values()) {
      const { connections } = idle;
      // Between two looks its end would have been seen. A single look proves
      // nothing: it may be the first thing we do after a long pause of ours.
      const [oldest] = connections;
      if (oldest !== undefined && oldest === idle.oldest) idle.kept = true;
      idle.oldest = oldest;
      // Newest last, and all with much the same limit: the oldest go first.
      while (connections.length > 0 && connections[0]!.idleUntil <= now) {
        connections.shift()!.socket.dispose();
      }
    }
  }

  /** Closes all idle connections. */
  close(): void {
    for (const upstream of this.#idle.keys()) this.#closeIdle(upstream);
  }

  #idleConnectionsTo(upstream: Upstream): IdleConnections {
    let idle = this.#idle.get(upstream);
    if (idle === undefined) {
      idle = { connections: [], kept: false, oldest: undefined };
      this.#idle.set(upstream, idle);
      upstream.onRetire(() => {
        this.#closeIdle(upstream);
        this.#idle.delete(upstream);
      });
    }
    return idle;
  }

  #closeIdle(upstream: Upstream): void {
    const connections = this.#idle.get(upstream)?.connections ?? [];
    for (const connection of connections.splice(0)) connection.socket.dispose();
  }

  readonly #discard = (connection: UpstreamConnection): void => {
    const idle = this.#idle.get(connection.upstream);
    const index = idle?.connections.indexOf(connection) ?? -1;
    if (index >= 0) idle!.connections.splice(index, 1);
    // It closes its connections sooner than was thought, or some of them.
    if (idleMs(connection) < FRESH_ENOUGH_MS && idle) idle.kept = false;
    connection.socket.dispose();
  };
}

function connectFailed(cause: unknown, late: boolean): ProxyError {
  return new ProxyError("connect-failed", {
    retryable: true,
    cause,
    note: late
      ? `not accepted within ${CONNECT_TIMEOUT_MS} ms: its backlog is full`
      : cause instanceof Error
      ? cause.name
      : null,
    // Who is given fewer requests at once has a shorter backlog.
    setting: late ? "WORKER_CONCURRENCY" : null,
  });
}

/**
 * How long a connection has been idle, or a little more, as `idleSince` is
 * coarse. Told exactly: after a pause of ours the coarse clock is late.
 */
function idleMs(connection: UpstreamConnection): number {
  return performance.now() - connection.idleSince;
}

function idleLimitMs(keepAliveSeconds: number): number {
  if (keepAliveSeconds < 0) return DEFAULT_IDLE_MS;
  const hintMs = keepAliveSeconds * 1000;
  return Math.min(hintMs - Math.min(IDLE_MARGIN_MS, hintMs / 2), MAX_IDLE_MS);
}
