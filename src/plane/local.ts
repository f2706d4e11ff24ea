/**
 * The data plane in the thread of the control plane: what crosses is carried
 * by plain calls, and figures are computed when they are asked for.
 *
 * @module
 */

import { EventEmitter } from "../events/mod.ts";
import { Counters } from "../proxy/core/counters.ts";
import { Proxy, type ProxyParts, type ProxySettings } from "./deno_proxy.ts";
import type { TlsServer } from "../proxy/core/handshake.ts";
import { Dispatcher, type DispatcherOptions } from "../upstream/dispatcher.ts";
import { policyFor, type PolicyName } from "../upstream/policy/mod.ts";
import { Upstream } from "../upstream/upstream.ts";
import {
  type Call,
  type Certificate,
  type Command,
  type DataPlane,
  type DataPlaneFigures,
  type Fact,
  NO_FIGURES,
  NO_SUSPECTS,
  type Replies,
  type UpstreamAddress,
  type UpstreamFigures,
} from "./contract.ts";
import { cut, InFlightRequests, streamsOf } from "./in_flight_requests.ts";

/** The settings of the data plane, by the names they have in the configuration: plain data. */
export interface DataPlaneSettings extends
  ProxySettings,
  Omit<
    DispatcherOptions,
    "policy" | "skewProtection" | "random" | "clock"
  > {
  /** How an upstream is chosen. */
  readonly policy: PolicyName;
}

/** What it serves clients with. */
export interface ServeParts extends Pick<ProxyParts, "listener" | "port"> {
  /** `null` for plain HTTP. */
  readonly certificate: Certificate | null;
  /** What answers for our own pages; `null` leaves all paths to the application. */
  readonly admin: ProxyParts["admin"];
}

/** TLS with a certificate that can be replaced. */
interface RenewableTls extends TlsServer {
  renew(certificate: Certificate): void;
}

/** Carries the contract by calls. */
export class LocalPlane implements DataPlane {
  readonly #settings: DataPlaneSettings;
  readonly #dispatcher: Dispatcher;
  readonly #counters = new Counters();
  /** What the proxy emits, on its way to become facts. */
  readonly #events = new EventEmitter();
  #unsubscribe: () => void;
  readonly #upstreams = new Map<number, Upstream>();
  #listeners: readonly ((fact: Fact) => void)[] = [];
  #revision = 0;
  #proxy: Proxy | null = null;
  #tls: RenewableTls | null = null;
  /** `null` before there are any requests. */
  #requests: InFlightRequests | null = null;

  /**
   * Creates a data plane that does not serve yet.
   *
   * @param dispatcher For tests, which claim by themselves.
   */
  constructor(
    settings: DataPlaneSettings,
    dispatcher: Dispatcher = new Dispatcher({
      ...settings,
      policy: policyFor(settings),
    }),
  ) {
    this.#settings = settings;
    this.#dispatcher = dispatcher;
    this.#unsubscribe = this.#forward(false);
  }

  /** Begins to serve clients. */
  async serve(
    { listener, port, certificate, admin }: ServeParts,
  ): Promise<void> {
    if (certificate !== null) {
      // A tenth of the memory of a balancer that does not speak TLS.
      const { TlsTermination } = await import("./tls_termination.ts");
      this.#tls = new TlsTermination(certificate);
    }
    this.#proxy = new Proxy(this.#settings, {
      listener,
      port,
      tls: this.#tls,
      dispatcher: this.#dispatcher,
      counters: this.#counters,
      events: this.#events,
      admin,
    });
    this.#requests = new InFlightRequests(this.#proxy.suspects);
  }

  get revision(): number {
    return this.#revision;
  }

  send(command: Command): void {
    switch (command.type) {
      case "publish":
        this.#revision = command.revision;
        return this.#dispatcher.publish(
          command.upstreams.map((address) => this.#upstreamAt(address)),
          command.retained.map((address) => this.#upstreamAt(address)),
        );
      case "retire":
        return this.#upstreams.get(command.key)?.retire();
      case "forget":
        this.#upstreams.delete(command.key);
        return;
      case "recall": {
        const upstream = this.#upstreams.get(command.key);
        if (upstream === undefined) return;
        return this.#requests?.recall(upstream, command.diagnosis);
      }
      case "report-access":
        this.#unsubscribe();
        this.#unsubscribe = this.#forward(command.wanted);
        return;
      case "renew-certificate":
        return this.#tls?.renew(command.certificate);
      case "abort":
        return this.#proxy?.abort();
    }
  }

  async ask<C extends Call>(call: C): Promise<Replies[C["type"]] | null> {
    return await this.#reply(call) as Replies[C["type"]];
  }

  #reply(call: Call): Replies[Call["type"]] | Promise<true> {
    switch (call.type) {
      case "drain":
        return done(this.#proxy?.drain(call.timeoutMs));
      case "stop":
        return done(this.#proxy?.stop(call.timeoutMs, call.workersGone));
      default:
        return this.#replyFor(this.#upstreams.get(call.key), call);
    }
  }

  #replyFor(
    upstream: Upstream | undefined,
    call: Extract<Call, { readonly key: number }>,
  ): Replies[typeof call["type"]] {
    const requests = this.#requests;
    switch (call.type) {
      case "oldest-request":
        return upstream && requests ? requests.oldest(upstream) : null;
      case "newly-slow-requests":
        return upstream && requests
          ? requests.newlySlow(upstream, call.ageMs)
          : [];
      case "exited": {
        if (upstream === undefined) return NO_SUSPECTS;
        // Before anybody else is told.
        const suspects = requests?.lose(upstream, call.end) ?? NO_SUSPECTS;
        upstream.markEnded(call.end);
        return suspects;
      }
      case "cut":
        if (upstream !== undefined) cut(upstream);
        return true;
    }
  }

  figuresOf(key: number): UpstreamFigures {
    const upstream = this.#upstreams.get(key);
    return upstream === undefined ? NO_FIGURES : figuresOf(upstream);
  }

  figures(): DataPlaneFigures {
    const counters = this.#counters;
    const { wait: _wait, ...queue } = this.#dispatcher.queue;
    const upstreams = new Map(
      [...this.#upstreams].map(([key, upstream]) => [key, figuresOf(upstream)]),
    );
    return {
      requests: counters.requests,
      inFlight: counters.inFlight,
      streams: [...upstreams.values()]
        .reduce((sum, { streams }) => sum + streams, 0),
      retries: counters.retries,
      clientConnections: counters.clientConnections,
      idleUpstreamConnections: this.#proxy?.idleUpstreamConnections ?? 0,
      eventLoopLagMs: this.#proxy?.eventLoopLagMs ?? 0,
      latency: counters.latency.figures(),
      responses: [...counters.answers()],
      errors: counters.ownAnswers(),
      queue: { ...queue, waits: this.#dispatcher.queueWait.figures() },
      upstreams,
    };
  }

  subscribe(listener: (fact: Fact) => void): () => void {
    // Wrapped, so that one function subscribed twice is two subscriptions.
    const entry = (fact: Fact): void => listener(fact);
    this.#listeners = [...this.#listeners, entry];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== entry);
    };
  }

  #report(fact: Fact): void {
    for (const listener of this.#listeners) listener(fact);
  }

  #forward(access: boolean): () => void {
    return this.#events.subscribe(
      (event) => this.#report({ type: "event", event }),
      { access, output: "none" },
    );
  }

  /** The upstream at an address, made where it is new. */
  #upstreamAt(address: UpstreamAddress): Upstream {
    const known = this.#upstreams.get(address.key);
    if (known !== undefined) return known;
    const upstream = new Upstream(address, {
      refused: ({ key }) => this.#report({ type: "refused", key }),
      idle: ({ key, accepting }) => {
        // This happens with nearly every request: only the end is worth a fact.
        if (!accepting) this.#report({ type: "idle", key });
      },
    });
    this.#upstreams.set(address.key, upstream);
    return upstream;
  }
}

function figuresOf(upstream: Upstream): UpstreamFigures {
  const { inFlight, requests, failures, serverErrors, latencySumMs } = upstream;
  return {
    inFlight,
    streams: streamsOf(upstream),
    requests,
    failures,
    serverErrors,
    latencySumMs,
  };
}

async function done(task: Promise<void> | undefined): Promise<true> {
  await task;
  return true;
}
