/**
 * Connections to workers, kept while they are idle.
 *
 * Workers close idle connections, and a request written at that moment is
 * lost. So the end of each idle connection is watched for; connections are
 * given up before the worker would; and the newest is used first. A request
 * that must not be lost is given only one that was in use a moment ago, and
 * only where the worker is known to keep connections at all: some close them
 * with each response and do not say so.
 *
 * @module
 */

import type { Upstream } from "../../upstream/upstream.ts";
import { MEDIUM_BUFFER_BYTES } from "./buffer_pool.ts";
import type { Clock, Link } from "./link.ts";
import { UpstreamConnection } from "./upstream_connection.ts";

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

/**
 * Idle connections kept to one worker: as many as thousands of clients have it
 * use at once, or they are closed and opened again with each burst.
 */
const MAX_IDLE_PER_UPSTREAM = 2048;

/** Idle connections to one worker. */
interface IdleConnections {
  /** The newest last. */
  readonly connections: UpstreamConnection[];
  /** Whether the worker is known to leave connections open after a response. */
  kept: boolean;
  /** The oldest one at the last look, and when that was. */
  oldest: UpstreamConnection | undefined;
  lookedAt: number;
}

/** Who wants a connection. */
export interface ConnectionUse {
  /**
   * Whether the request can be sent again when the connection turns out to be
   * closed. One that cannot is given only a connection that is safe to use.
   */
  readonly repeatable: boolean;
  /** On the clock of the deadlines. */
  readonly now: number;
}

/** Keeps idle connections to workers. */
export class ConnectionPool {
  readonly #clock: Clock;
  readonly #idle = new Map<Upstream, IdleConnections>();

  /** Creates a pool with no connections. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Idle connections, to all workers together. */
  get idleCount(): number {
    let count = 0;
    for (const { connections } of this.#idle.values()) {
      count += connections.length;
    }
    return count;
  }

  /** The newest idle connection to `upstream`, or `null`. */
  take(
    upstream: Upstream,
    { repeatable, now }: ConnectionUse,
  ): UpstreamConnection | null {
    const idle = this.#idle.get(upstream);
    if (idle === undefined) return null;
    const { connections } = idle;
    let connection = connections.at(-1);
    while (connection !== undefined && isSpent(connection)) {
      connections.pop();
      connection.close();
      connection = connections.at(-1);
    }
    if (connection === undefined || now >= idleUntil(connection)) return null;
    if (!repeatable && !(idle.kept && this.#isSafe(connection))) return null;
    connections.pop();
    return connection;
  }

  /** Takes a connection in that was opened to `upstream`, for an exchange to begin with. */
  open(upstream: Upstream, link: Link): UpstreamConnection {
    return new UpstreamConnection(upstream, link, this.#discard);
  }

  /** Keeps a connection whose exchange is complete on both sides. */
  put(
    connection: UpstreamConnection,
    now: number,
    keepAliveSeconds: number,
  ): void {
    const { upstream, link } = connection;
    if (upstream.retired || !upstream.keptAlive || isSpent(connection)) {
      return connection.close();
    }
    const idle = this.#idleConnectionsTo(upstream);
    if (connection.reused) idle.kept = true;
    const { connections } = idle;
    if (connections.length >= MAX_IDLE_PER_UPSTREAM) return connection.close();
    link.input.resize(MEDIUM_BUFFER_BYTES);
    connections.push(connection);
    connection.rest(now, now + idleLimitMs(keepAliveSeconds));
  }

  /** Gives up what has been idle for too long. */
  sweep(now: number): void {
    for (const [upstream, idle] of this.#idle) {
      const { connections } = idle;
      if (!upstream.keptAlive) this.#closeIdle(upstream);
      // Between two looks its end would have been seen. A single look proves
      // nothing: it may be the first thing we do after a long pause of ours.
      const [oldest] = connections;
      const stayed = oldest !== undefined && oldest === idle.oldest;
      if (stayed && now > idle.lookedAt) idle.kept = true;
      idle.oldest = oldest;
      idle.lookedAt = now;
      // What nobody asked for is not reported while they are watched.
      for (const connection of connections.filter(isSpent)) {
        this.#discard(connection);
      }
      // Newest last, and all with much the same limit: the oldest go first.
      while (connections.length > 0 && idleUntil(connections[0]!) <= now) {
        connections.shift()!.close();
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
      idle = {
        connections: [],
        kept: false,
        oldest: undefined,
        lookedAt: -Infinity,
      };
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
    for (const connection of connections.splice(0)) connection.close();
  }

  readonly #discard = (connection: UpstreamConnection): void => {
    const idle = this.#idle.get(connection.upstream);
    const index = idle?.connections.indexOf(connection) ?? -1;
    if (index >= 0) idle!.connections.splice(index, 1);
    // It closes its connections sooner than was thought, or some of them.
    if (idle && this.#isFresh(connection)) idle.kept = false;
    connection.close();
  };

  /**
   * Whether it was given its last request a moment ago. When its response was
   * read proves nothing: that may have waited for us, and the worker had been
   * done with it long before. Told exactly: after a pause of ours, and in a
   * turn that takes long, other clocks are late.
   */
  #isSafe({ usedAt }: UpstreamConnection): boolean {
    return this.#clock.exactNow() - usedAt < FRESH_ENOUGH_MS;
  }

  /** Whether it has been idle for no more than a moment. */
  #isFresh({ state }: UpstreamConnection): boolean {
    return state.type === "idle" &&
      this.#clock.now() - state.since < FRESH_ENOUGH_MS;
  }
}

/** Whether the worker has ended it, or has said what nobody asked for. */
function isSpent({ link }: UpstreamConnection): boolean {
  return link.ended || link.input.available > 0;
}

function idleUntil({ state }: UpstreamConnection): number {
  return state.type === "idle" ? state.until : 0;
}

function idleLimitMs(keepAliveSeconds: number): number {
  if (keepAliveSeconds < 0) return DEFAULT_IDLE_MS;
  const hintMs = keepAliveSeconds * 1000;
  return Math.min(hintMs - Math.min(IDLE_MARGIN_MS, hintMs / 2), MAX_IDLE_MS);
}
