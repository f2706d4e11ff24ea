/**
 * The data plane as one thing: it is handed connections and driven, and it
 * serves.
 *
 * @module
 */

import type { EventEmitter } from "../../events/mod.ts";
import { ByteWriter } from "../../http1/byte_writer.ts";
import { RequestHead } from "../../http1/request_head.ts";
import { ResponseHead } from "../../http1/response_head.ts";
import type { Counters } from "./counters.ts";
import { EventLoopLag } from "../../shared/event_loop_lag.ts";
import { CidrSet } from "../../net/cidr.ts";
import type { RateRule } from "../../net/rate_limit.ts";
import type { Dispatcher } from "../../upstream/dispatcher.ts";
import type { AdminPort } from "./admin_port.ts";
import { affinityOf } from "./affinity.ts";
import { ClientGate } from "./client_gate.ts";
import { ClientSession } from "./client_session.ts";
import { Clients } from "./clients.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { Driver, ProxyContext, ProxyOptions } from "./context.ts";
import { DateLine } from "./date_line.ts";
import { DEADLINE_INTERVAL_MS, Deadlines } from "./deadlines.ts";
import { BALANCER_ID_OCTETS, randomName } from "../../shared/random_name.ts";
import { Handshake, type TlsServer } from "./handshake.ts";
import { HeaderRefusals } from "./header_refusals.ts";
import type { Link } from "./link.ts";
import { RequestIds } from "./request_ids.ts";
import { SkewCookie } from "./skew_cookie.ts";
import { Suspects } from "./suspects.ts";
import type { Tracer } from "./tracer.ts";
import { Traces } from "./traces.ts";

/** The settings of the data plane. */
export interface EngineSettings extends ProxyOptions {
  /** Whether each connection begins with a PROXY header. */
  readonly proxyProtocol: boolean;
  /** CIDRs whose forwarding fields are believed. */
  readonly trustedProxies: readonly string[];
  /** Requests that each client may make; `null` is no limit. */
  readonly rateLimit: RateRule | null;
  /** Whether clients stay with the generation of workers that has served them. */
  readonly skewProtection: boolean;
  /** What tells this balancer's generations from those of others, whose numbers are the same; of those who take its place one after the other it is the same. @default {drawn at random} */
  readonly balancerId?: string;
  /** What ties clients to workers: `cookie`, or `header:NAME`. @default {null} */
  readonly affinity?: string | null;
  /** Ratio of the traces recorded of those that begin here. @default {0} */
  readonly traceRatio?: number;
}

/** What the data plane works with. */
export interface EngineParts {
  readonly driver: Driver;
  /** The port clients know; 0 for a unix socket. */
  readonly port: number;
  /** Where the certificate of the moment is; `null` for plain HTTP. */
  readonly tls: TlsServer | null;
  readonly dispatcher: Dispatcher;
  readonly counters: Counters;
  readonly events: EventEmitter;
  /** Who makes the pages of our own; `null` leaves all paths to the application. */
  readonly admin: AdminPort | null;
  /** Records traces. @default {null: requests are of no trace, and what they bring of one is a field as any} */
  readonly tracer?: Tracer | null;
}

/** Whoever lets clients in. */
export interface Acceptor {
  /** Lets those in who wait already, and no more; calls `onClosed` when that is so. */
  close(onClosed: () => void): void;
}

/** A connection that was let in. */
export interface Accepted {
  readonly link: Link;
  /** IP address of the peer; `null` on a unix socket. */
  readonly peerAddress: string | null;
  /** Called once, when it has been closed. */
  readonly onClosed: () => void;
}

/** Serves clients from the workers that the dispatcher has. */
export class ProxyEngine {
  /** What may be late. The driver has it looked at. */
  readonly deadlines: Deadlines;
  /** Requests that have cost workers of late. */
  readonly suspects: Suspects = new Suspects();

  readonly #context: ProxyContext;
  readonly #proxyProtocol: boolean;
  readonly #tls: TlsServer | null;
  readonly #headerRefusals: HeaderRefusals;
  readonly #clients: Clients;
  readonly #handshakes = new Set<Handshake>();
  readonly #sessions = new Set<ClientSession>();
  readonly #eventLoopLag: EventLoopLag;
  /** Those who wait for something to end look whether it has. */
  readonly #waits = new Set<() => void>();
  readonly #tracer: Tracer | null;
  /** Whether nobody is let in any more. */
  #closed = false;

  /** Puts the parts together; nothing is served before {@linkcode accept}. */
  constructor(settings: EngineSettings, parts: EngineParts) {
    const { driver, dispatcher, tls } = parts;
    const { clock } = driver;
    const { affinity = null, rateLimit, skewProtection, traceRatio = 0 } =
      settings;
    const tracer = this.#tracer = parts.tracer ?? null;
    const trusted = new CidrSet(settings.trustedProxies);
    const deadlines = this.deadlines = new Deadlines(clock.now());
    const connections = new ConnectionPool(clock);
    const { suspects } = this;
    this.#proxyProtocol = settings.proxyProtocol;
    this.#tls = tls;
    this.#headerRefusals = new HeaderRefusals(parts.events);
    const { port } = parts;
    this.#clients = new Clients({ trusted, tls: tls !== null, port });
    const lag = this.#eventLoopLag = new EventLoopLag(
      DEADLINE_INTERVAL_MS,
      clock.now(),
    );
    this.#context = {
      ...driver,
      options: settings,
      dispatcher,
      connections,
      counters: parts.counters,
      events: parts.events,
      deadlines,
      suspects,
      admin: parts.admin,
      gate: rateLimit !== null || dispatcher.sticky
        ? new ClientGate(clock, { trusted, rule: rateLimit })
        : null,
      skew: skewProtection
        ? new SkewCookie(
          settings.balancerId ?? randomName(BALANCER_ID_OCTETS),
          tls !== null,
        )
        : null,
      affinity: affinity === null ? null : affinityOf(affinity, {
        tls: tls !== null,
        named: (name) => dispatcher.named(name),
      }),
      requestIds: new RequestIds(),
      traces: tracer === null
        ? null
        : new Traces(tracer, { ratio: traceRatio }),
      dateLine: new DateLine(() => clock.wallTime()),
      draining: false,
      finishing: false,
      requestHead: new RequestHead(),
      responseHead: new ResponseHead(),
      writer: new ByteWriter(),
    };
    deadlines.each((now) => lag.tick(now));
    deadlines.each((now) => connections.sweep(now));
    deadlines.each((now) => driver.buffers.sweep(now));
    deadlines.each((now) => dispatcher.sweep(now));
    deadlines.each((now) => suspects.expire(now));
    if (tracer !== null) deadlines.each(() => tracer.flush());
    deadlines.each(() => this.#look());
  }

  /** Idle connections to workers. */
  get idleUpstreamConnections(): number {
    return this.#context.connections.idleCount;
  }

  /** By how much the loop has been late of late, at worst, in milliseconds. */
  get eventLoopLagMs(): number {
    return this.#eventLoopLag.worstMs;
  }

  /** Serves a client. */
  accept(accepted: Accepted): void {
    if (this.#proxyProtocol || this.#tls !== null) {
      this.#beginHandshake(accepted);
    } else this.#beginSession(accepted);
  }

  /**
   * Accepts no more, and lets end what only a worker can end: requests, and
   * what may become one. `onDrained` is called when nothing but streams is
   * left, or after `timeoutMs`; the workers may be asked to end then, and what
   * they say to that is passed on. {@linkcode stop} is to follow.
   */
  drain(
    acceptor: Acceptor,
    { timeoutMs }: { readonly timeoutMs: number },
    onDrained: () => void,
  ): void {
    const { clock, dispatcher } = this.#context;
    this.#beginDrain(acceptor, () => {
      const deadline = clock.now() + timeoutMs;
      this.#when(() => !this.#needsWorkers || clock.now() >= deadline, () => {
        // Whoever waits in the queue has waited in vain.
        dispatcher.stop();
        onDrained();
      });
    });
  }

  /**
   * Accepts no more, lets what is under way end, and then ends itself and
   * calls `onStopped`. What has not ended after `timeoutMs` is cut.
   */
  stop(
    acceptor: Acceptor,
    { timeoutMs, workersGone }: {
      readonly timeoutMs: number;
      /** Whether nobody is left who could respond to a request: connections are not kept for one then. */
      readonly workersGone: boolean;
    },
    onStopped: () => void,
  ): void {
    const { connections, dispatcher, timers } = this.#context;
    this.#beginDrain(acceptor, () => {
      if (workersGone) {
        this.#context.finishing = true;
        for (const session of this.#sessions) session.finish();
      }
      const timer = timers.after(timeoutMs, () => this.abort());
      this.#when(
        () => this.#sessions.size + this.#handshakes.size === 0,
        () => {
          timer.cancel();
          dispatcher.stop();
          connections.close();
          this.#tracer?.flush();
          onStopped();
        },
      );
    });
  }

  /** Cuts everything that is under way. */
  abort(): void {
    for (const handshake of this.#handshakes) handshake.abort();
    for (const session of this.#sessions) session.abort();
  }

  /**
   * Closes up to `count` idle connections: those first that have been idle for
   * longest. A client that has only just come is about to send its request.
   */
  closeIdle(count: number, idleMs = 0): void {
    const latest = this.#context.clock.now() - idleMs;
    [...this.#handshakes, ...this.#sessions]
      .filter(({ idle, idleSince }) => idle && idleSince <= latest)
      .sort((a, b) => a.idleSince - b.idleSince)
      .slice(0, count)
      .forEach((connection) => connection.abort());
  }

  #beginDrain(acceptor: Acceptor, onBegun: () => void): void {
    if (this.#closed) return onBegun();
    acceptor.close(() => {
      if (!this.#context.draining) {
        this.#closed = true;
        // Not sooner: whoever is told to connect anew would still get in.
        this.#context.draining = true;
        for (const handshake of this.#handshakes) handshake.drain();
        for (const session of this.#sessions) session.drain();
      }
      onBegun();
    });
  }

  /** Calls `callback` as soon as `condition` holds; it is looked at whenever something ends. */
  #when(condition: () => boolean, callback: () => void): void {
    const look = (): void => {
      if (!condition()) return;
      this.#waits.delete(look);
      callback();
    };
    this.#waits.add(look);
    look();
  }

  #look(): void {
    for (const look of this.#waits) look();
  }

  get #needsWorkers(): boolean {
    if (this.#handshakes.size > 0) return true;
    for (const session of this.#sessions) {
      if (session.needsWorker) return true;
    }
    return false;
  }

  #beginHandshake({ link, peerAddress, onClosed }: Accepted): void {
    const handshake = new Handshake(this.#context, {
      link,
      options: { proxyProtocol: this.#proxyProtocol, tls: this.#tls },
      onRefusedHeader: (reason) => {
        this.#headerRefusals.note(reason, peerAddress, this.deadlines.now);
      },
      onOver: (introduced) => {
        this.#handshakes.delete(handshake);
        if (introduced === null) this.#onEnded(onClosed);
        else {
          this.#beginSession({
            link: introduced.link,
            peerAddress: introduced.sourceAddress ?? peerAddress,
            onClosed,
          });
        }
      },
    });
    this.#handshakes.add(handshake);
    // A connection accepted while the listener was being closed.
    if (this.#context.draining) handshake.drain();
    handshake.start();
  }

  #beginSession({ link, peerAddress, onClosed }: Accepted): void {
    const session = new ClientSession(this.#context, {
      link,
      client: this.#clients.of(peerAddress),
      onClosed: () => {
        this.#sessions.delete(session);
        this.#onEnded(onClosed);
      },
    });
    this.#sessions.add(session);
    if (this.#context.draining) session.drain();
    session.start();
  }

  #onEnded(onClosed: () => void): void {
    onClosed();
    this.#look();
  }
}
