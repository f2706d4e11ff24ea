/**
 * The data plane alone, in the process of the test: a real {@linkcode Proxy}
 * on a port of its own, in front of origins that the test controls.
 *
 * Knows nothing of worker processes.
 *
 * @module
 */

import {
  EventEmitter,
  type PoolEvent,
  type WaitingRequest,
  type WorkerFindings,
} from "../../src/events/mod.ts";
import { Counters } from "../../src/proxy/core/counters.ts";
import {
  cut,
  InFlightRequests,
  streamsOf,
} from "../../src/plane/in_flight_requests.ts";
import type { LossSuspects, UpstreamEnd } from "../../src/plane/contract.ts";
import type { ProxySettings } from "../../src/plane/deno_proxy.ts";
import { PendingResponse } from "../../src/plane/admin_responses.ts";
import type { AdminRequest } from "../../src/plane/contract.ts";
import type { AdminPort } from "../../src/proxy/core/admin_port.ts";
import {
  Dispatcher,
  type DispatcherOptions,
} from "../../src/upstream/dispatcher.ts";
import { Upstream } from "../../src/upstream/upstream.ts";
import { type AnyProxy, type AnyProxyParts, openProxy } from "./any_proxy.ts";
import { DEFAULT_QUEUE, DEFAULT_SETTINGS } from "./proxy_defaults.ts";
import { Changes } from "./changes.ts";
import { eventually } from "./deadline.ts";

/** How long what is under way when a test ends may take before it is cut. */
const DISPOSE_DRAIN_MS = 0;

/** Takes requests for pages of our own; `null` for those that are the application's. */
export type AdminHandler = (
  request: AdminRequest,
) => ((body: Uint8Array<ArrayBuffer>) => Promise<Response>) | null;

function handlerPort(handler: AdminHandler): AdminPort {
  return {
    take: (request) => {
      const respond = handler(request);
      return respond && {
        respond: (body, sink) => new PendingResponse(respond(body), sink),
      };
    },
  };
}

/** How to start a proxy. */
export interface StartProxyOptions {
  /** Ports of the upstreams, in slot order. @default {[]} */
  readonly origins?: readonly number[];
  /** Settings of the proxy and of its queue that differ from the defaults. */
  readonly options?: Partial<ProxySettings & DispatcherOptions>;
  /** Where the certificate of the moment is. @default {null: plain HTTP} */
  readonly tls?: AnyProxyParts["tls"];
  /** Monotonic time in milliseconds. @default {performance.now: it goes on while nobody runs} */
  readonly clock?: () => number;
  /** What answers for the pages of our own. @default {nobody} */
  readonly admin?: AdminHandler;
}

/** Requests in flight, and streams among them. */
interface InFlightCount {
  readonly requests: number;
  readonly streams: number;
}

/** What is asked of the requests in flight; workers are named by their ports. */
class InFlight {
  readonly #proxy: ProxyServer;
  readonly #requests: InFlightRequests;

  constructor(proxy: ProxyServer, requests: InFlightRequests) {
    this.#proxy = proxy;
    this.#requests = requests;
  }

  oldest(port: number): WaitingRequest | null {
    const upstream = this.#at(port);
    return upstream === undefined ? null : this.#requests.oldest(upstream);
  }

  newlySlow(port: number, ageMs: number): readonly WaitingRequest[] {
    return this.#requests.newlySlow(this.#at(port)!, ageMs);
  }

  recall(port: number, { diagnosis }: WorkerFindings): void {
    this.#requests.recall(this.#at(port)!, diagnosis);
    this.#proxy.dispatcher.serveSuspects();
  }

  lose(upstream: Upstream, end: UpstreamEnd): LossSuspects {
    return this.#requests.lose(upstream, end);
  }

  cut(upstream: Upstream): void {
    cut(upstream);
  }

  count(upstream?: Upstream): InFlightCount {
    const { upstreams, counters } = this.#proxy;
    const streams = (upstream === undefined ? upstreams : [upstream])
      .reduce((sum, each) => sum + streamsOf(each), 0);
    const { inFlight } = upstream ?? counters;
    return { requests: inFlight - streams, streams };
  }

  #at(port: number): Upstream | undefined {
    return this.#proxy.upstreams.find((upstream) => upstream.port === port);
  }
}

/** A proxy that serves. */
export class ProxyServer implements AsyncDisposable {
  /** Port it serves clients on. */
  readonly port: number;
  readonly dispatcher: Dispatcher;
  /** In the order of the ports they were made of. */
  readonly upstreams: readonly Upstream[];
  readonly counters: Counters = new Counters();
  /** All that has happened, access events included. */
  readonly events: readonly PoolEvent[];

  /** What is asked of the requests in flight. */
  readonly inFlight: InFlight;

  readonly #proxy: AnyProxy;
  readonly #changes = new Changes();
  #stopped: Promise<void> | null = null;

  /** Begins to serve. */
  constructor(start: StartProxyOptions = {}) {
    const options = { ...DEFAULT_SETTINGS, ...DEFAULT_QUEUE, ...start.options };
    const events: PoolEvent[] = [];
    const emitter = new EventEmitter();
    emitter.subscribe((event) => {
      events.push(event);
      this.#changes.notify();
    }, { access: true });
    this.events = events;
    const { clock = () => performance.now() } = start;
    this.dispatcher = new Dispatcher({ ...options, clock });
    this.upstreams = (start.origins ?? []).map((port, id) =>
      new Upstream({ id, port, hostname: "127.0.0.1", generation: 1 })
    );
    this.dispatcher.publish(this.upstreams);
    this.#proxy = openProxy(options, {
      tls: start.tls ?? null,
      dispatcher: this.dispatcher,
      clock,
      counters: this.counters,
      events: emitter,
      admin: start.admin === undefined ? null : handlerPort(start.admin),
    });
    this.port = this.#proxy.port;
    const requests = new InFlightRequests(
      this.#proxy.suspects,
      this.#proxy.clock,
    );
    this.inFlight = new InFlight(this, requests);
  }

  /** Idle connections to the origins. */
  get idleUpstreamConnections(): number {
    return this.#proxy.idleUpstreamConnections;
  }

  /** By how much the event loop has been late, at worst. */
  get eventLoopLagMs(): number {
    return this.#proxy.eventLoopLagMs;
  }

  /** The first event of a type, past ones included. */
  waitForEvent<T extends PoolEvent["type"]>(
    type: T,
  ): Promise<PoolEvent & { readonly type: T }> {
    const isWanted = (event: PoolEvent): event is PoolEvent & { type: T } =>
      event.type === type;
    return this.#changes.until(() => this.events.find(isWanted), {
      describe: () =>
        `There was no "${type}" among ${JSON.stringify(this.events)}`,
    });
  }

  /** Waits until `condition` holds. For counters, which announce nothing. */
  waitUntil(condition: (proxy: ProxyServer) => boolean): Promise<void> {
    return eventually(() =>
      condition(this)
        ? Promise.resolve()
        : Promise.reject(new Error(`It never came to ${condition}`))
    );
  }

  /** Waits until nothing but streams is left, for at most `drainTimeoutMs`. */
  drain(drainTimeoutMs: number): Promise<void> {
    return this.#proxy.drain(drainTimeoutMs);
  }

  /** Ends, as when the workers are gone. */
  finish(timeoutMs: number): Promise<void> {
    this.#stopped ??= this.#proxy.stop(timeoutMs, true);
    return this.#stopped;
  }

  /** Drains for at most `drainTimeoutMs`. Calling it again waits for the same. */
  stop(drainTimeoutMs: number): Promise<void> {
    this.#stopped ??= this.#proxy.stop(drainTimeoutMs);
    return this.#stopped;
  }

  /** Cuts what is under way. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop(DISPOSE_DRAIN_MS);
  }
}

/**
 * Starts a proxy in front of origins.
 *
 * @example
 * ```ts ignore
 * await using origin = await RecordingOrigin.start([answering(ok("hello"))]);
 * await using proxy = startProxy({ origins: [origin.port] });
 * ```
 */
export function startProxy(options: StartProxyOptions = {}): ProxyServer {
  return new ProxyServer(options);
}
