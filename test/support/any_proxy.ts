/**
 * The data plane on the transport under test, in the process of the test:
 * `TEST_TRANSPORT` is `deno` (the default) or `epoll`.
 *
 * @module
 */

import type { EventEmitter } from "../../src/events/mod.ts";
import { Proxy, type ProxySettings } from "../../src/plane/deno_proxy.ts";
import type { AdminPort } from "../../src/proxy/core/admin_port.ts";
import type { Counters } from "../../src/proxy/core/counters.ts";
import { type Acceptor, ProxyEngine } from "../../src/proxy/core/engine.ts";
import { DEADLINE_INTERVAL_MS } from "../../src/proxy/core/deadlines.ts";
import type { TlsServer } from "../../src/proxy/core/handshake.ts";
import type { Clock } from "../../src/proxy/core/link.ts";
import type { Suspects } from "../../src/proxy/core/suspects.ts";
import { EpollAcceptor } from "../../src/transport/epoll/acceptor.ts";
import { EpollDriver } from "../../src/transport/epoll/driver.ts";
import { openLibc } from "../../src/transport/epoll/libc.ts";
import { listen } from "../../src/transport/epoll/listening_socket.ts";
import type { Dispatcher } from "../../src/upstream/dispatcher.ts";

/** Whether the tests are run on epoll. */
export const ON_EPOLL: boolean = Deno.env.get("TEST_TRANSPORT") === "epoll";

/** Once for all tests: what a test opens it must close. */
const LIBC = ON_EPOLL ? openLibc() : null;

/** That of the machine, also where a test stops it. */
const realNow = performance.now.bind(performance);

/** How often a loop that has no thread of its own turns, in milliseconds. */
const TURN_INTERVAL_MS = 1;

/** What a proxy works with. */
export interface AnyProxyParts {
  readonly tls: TlsServer | null;
  readonly dispatcher: Dispatcher;
  /** By which the dispatcher goes. */
  readonly clock: () => number;
  readonly counters: Counters;
  readonly events: EventEmitter;
  readonly admin: AdminPort | null;
}

/** A proxy that serves, whatever drives it. */
export interface AnyProxy {
  /** Port it serves clients on. */
  readonly port: number;
  readonly suspects: Suspects;
  readonly clock: Clock;
  readonly idleUpstreamConnections: number;
  readonly eventLoopLagMs: number;
  drain(timeoutMs: number): Promise<void>;
  stop(timeoutMs: number, workersGone?: boolean): Promise<void>;
  abort(): void;
}

/** Starts a proxy on a port of its own. TLS is spoken on the sockets of the runtime alone. */
export function openProxy(
  settings: ProxySettings,
  parts: AnyProxyParts,
): AnyProxy {
  return ON_EPOLL && parts.tls === null
    ? new EpollProxy(settings, parts)
    : new RuntimeProxy(settings, parts);
}

class RuntimeProxy extends Proxy implements AnyProxy {
  readonly port: number;
  readonly clock: Clock;

  constructor(settings: ProxySettings, parts: AnyProxyParts) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    super(settings, { ...parts, listener, port });
    this.port = port;
    this.clock = this.driver.clock;
  }
}

/** The loop turns now and then, so that the test shares its thread. */
class EpollProxy implements AnyProxy {
  readonly port: number;
  readonly clock: Clock;
  readonly #driver: EpollDriver;
  readonly #engine: ProxyEngine;
  readonly #acceptor: Acceptor;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #look: ReturnType<typeof setInterval>;

  constructor(settings: ProxySettings, parts: AnyProxyParts) {
    const libc = LIBC!;
    const driver = this.#driver = new EpollDriver({
      libc,
      onError: reportError,
      clock: realNow,
    });
    // Deadlines go by the clock that a test may stop, and are looked at
    // all the same.
    const { clock: now } = parts;
    this.clock = { now, exactNow: now, wallTime: () => Date.now() };
    const { loop } = driver;
    const { fd, port } = listen(libc, { hostname: "127.0.0.1", port: 0 });
    this.port = port;
    const engine = this.#engine = new ProxyEngine(settings, {
      ...parts,
      driver: { ...driver, clock: this.clock },
      port,
    });
    this.#acceptor = new EpollAcceptor(driver, {
      fd,
      maxConnections: settings.maxConnections,
      engine,
      events: parts.events,
    });
    this.#look = setInterval(
      () => engine.deadlines.enforce(this.clock.now()),
      DEADLINE_INTERVAL_MS,
    );
    this.#timer = setInterval(() => loop.turn(0), TURN_INTERVAL_MS);
  }

  get suspects(): Suspects {
    return this.#engine.suspects;
  }

  get idleUpstreamConnections(): number {
    return this.#engine.idleUpstreamConnections;
  }

  get eventLoopLagMs(): number {
    return this.#engine.eventLoopLagMs;
  }

  drain(timeoutMs: number): Promise<void> {
    return new Promise((resolve) =>
      this.#engine.drain(this.#acceptor, { timeoutMs }, resolve)
    );
  }

  async stop(timeoutMs: number, workersGone = false): Promise<void> {
    const how = { timeoutMs, workersGone };
    await new Promise<void>((resolve) =>
      this.#engine.stop(this.#acceptor, how, resolve)
    );
    clearInterval(this.#timer);
    clearInterval(this.#look);
    this.#driver.loop.close();
  }

  abort(): void {
    this.#engine.abort();
  }
}
