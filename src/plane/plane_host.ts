/**
 * The data plane's side of the contract: carries commands out, replies to
 * calls, and puts figures together; whatever drives it, in whichever thread.
 *
 * Knows nothing of how the contract is carried.
 *
 * @module
 */

import { EventEmitter } from "../events/mod.ts";
import { Counters } from "../proxy/core/counters.ts";
import type {
  Acceptor,
  EngineSettings,
  ProxyEngine,
} from "../proxy/core/engine.ts";
import type { Clock, Timers } from "../proxy/core/link.ts";
import type { CpuMsOf } from "../upstream/concurrency/worker_cpu.ts";
import { Dispatcher, type DispatcherOptions } from "../upstream/dispatcher.ts";
import { policyFor, type PolicyName } from "../upstream/policy/mod.ts";
import { Upstream } from "../upstream/upstream.ts";
import { AccessRows } from "./access_rows.ts";
import {
  type Call,
  type Certificate,
  type Command,
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
  EngineSettings,
  Omit<
    DispatcherOptions,
    "policy" | "skewProtection" | "random" | "clock"
  > {
  /** How an upstream is chosen. */
  readonly policy: PolicyName;
  /** Whether requests are traced. */
  readonly tracing: boolean;
}

/** What serves clients. */
export interface Served {
  readonly engine: ProxyEngine;
  readonly acceptor: Acceptor;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Serves new connections with another certificate; `null` for plain HTTP. */
  readonly renewCertificate: ((certificate: Certificate) => void) | null;
  /** Called when nothing is served any more. */
  readonly onStopped: () => void;
}

/** Is handed the reply to a call. */
type Reply = (reply: Replies[Call["type"]]) => void;

/** Holds the upstreams and what is counted of them. */
export class PlaneHost {
  readonly dispatcher: Dispatcher;
  readonly counters: Counters = new Counters();
  /** What the engine emits, on its way to become facts. */
  readonly events: EventEmitter = new EventEmitter();

  readonly #report: (fact: Fact) => void;
  readonly #accesses: AccessRows;
  readonly #upstreams = new Map<number, Upstream>();
  #unsubscribe: () => void;
  #revision = 0;
  #served: Served | null = null;
  /** `null` before there are any requests. */
  #requests: InFlightRequests | null = null;

  /**
   * Creates a host that does not serve yet; `report` is handed each fact.
   *
   * @param options The clock of what serves clients, and one for the CPU time
   * of workers; or, for tests which claim by themselves, a dispatcher.
   */
  constructor(
    settings: DataPlaneSettings,
    report: (fact: Fact) => void,
    { clock, cpuMsOf, dispatcher }: {
      readonly clock?: () => number;
      readonly cpuMsOf?: CpuMsOf;
      readonly dispatcher?: Dispatcher | undefined;
    } = {},
  ) {
    this.#accesses = new AccessRows((rows) => report({ type: "access", rows }));
    this.#report = (fact) => {
      this.#accesses.flush();
      report(fact);
    };
    this.dispatcher = dispatcher ?? new Dispatcher({
      ...settings,
      policy: policyFor(settings),
      ...(clock && { clock }),
      ...(cpuMsOf && { cpuMsOf }),
    });
    this.#unsubscribe = this.#forward(false);
  }

  /** The revision of the set in force. */
  get revision(): number {
    return this.#revision;
  }

  /** Begins to serve clients with `served`. */
  serve(served: Served): void {
    this.#served = served;
    this.#accesses.gather(served.timers);
    this.#requests = new InFlightRequests(served.engine.suspects, served.clock);
  }

  /** Carries a command out. */
  send(command: Command): void {
    switch (command.type) {
      case "publish":
        this.#revision = command.revision;
        return this.dispatcher.publish(
          command.upstreams.map((address) => this.#upstreamAt(address)),
          command.former.map((address) => this.#upstreamAt(address)),
          command.wanted,
        );
      case "retire":
        return this.#upstreams.get(command.key)?.retire();
      case "keep-alive":
        return this.#upstreams.get(command.key)?.keepAlive(command.kept);
      case "forget":
        this.#upstreams.delete(command.key);
        return;
      case "recall": {
        const upstream = this.#upstreams.get(command.key);
        if (upstream === undefined) return;
        this.#requests?.recall(upstream, command.diagnosis);
        return this.dispatcher.serveSuspects();
      }
      case "report-access":
        this.#unsubscribe();
        this.#unsubscribe = this.#forward(command.wanted);
        return;
      case "renew-certificate":
        return this.#served?.renewCertificate?.(command.certificate);
      case "abort":
        return this.#served?.engine.abort();
    }
  }

  /** Reports, as idle, those that are given no more work and have nothing left but streams. */
  reportDrained(): void {
    for (const [key, upstream] of this.#upstreams) {
      const { accepting, inFlight } = upstream;
      if (accepting || inFlight > streamsOf(upstream)) continue;
      this.#report({ type: "idle", key });
    }
  }

  /** Reports what is gathered: nothing may be left when this ends. */
  flush(): void {
    this.#accesses.flush();
  }

  /** Replies to a call, at once or later; what has happened before is reported before. */
  reply(call: Call, told: Reply): void {
    const reply: Reply = (value) => {
      this.flush();
      told(value);
    };
    switch (call.type) {
      case "drain":
        return this.#drain(call, reply);
      case "stop":
        return this.#stop(call, reply);
      default:
        return reply(this.#replyFor(this.#upstreams.get(call.key), call));
    }
  }

  /** What is counted of an upstream. */
  figuresOf(key: number): UpstreamFigures {
    const upstream = this.#upstreams.get(key);
    return upstream === undefined ? NO_FIGURES : figuresOf(upstream);
  }

  /** All that is counted. */
  figures(): DataPlaneFigures {
    const { counters, dispatcher } = this;
    const upstreams = new Map(
      [...this.#upstreams].map(([key, upstream]) => [key, figuresOf(upstream)]),
    );
    const engine = this.#served?.engine;
    return {
      requests: counters.requests,
      inFlight: counters.inFlight,
      streams: [...upstreams.values()]
        .reduce((sum, { streams }) => sum + streams, 0),
      retries: counters.retriesByReason(),
      clientConnections: counters.clientConnections,
      idleUpstreamConnections: engine?.idleUpstreamConnections ?? 0,
      eventLoopLagMs: engine?.eventLoopLagMs ?? 0,
      controlPlaneLagMs: engine?.eventLoopLagMs ?? 0,
      latency: counters.latency.figures(),
      responses: [...counters.responses()],
      errors: counters.errorsByStatus(),
      queue: { ...dispatcher.queue, waits: dispatcher.queueWait.figures() },
      upstreams,
    };
  }

  #drain({ timeoutMs }: Call & { type: "drain" }, reply: Reply): void {
    const served = this.#served;
    if (served === null) return reply(true);
    served.engine.drain(served.acceptor, { timeoutMs }, () => reply(true));
  }

  #stop(call: Call & { type: "stop" }, reply: Reply): void {
    const served = this.#served;
    if (served === null) return reply(true);
    served.engine.stop(served.acceptor, call, () => {
      served.onStopped();
      reply(true);
    });
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
        this.dispatcher.serveSuspects();
        return suspects;
      }
      case "cut":
        if (upstream !== undefined) cut(upstream);
        return true;
    }
  }

  #forward(access: boolean): () => void {
    return this.events.subscribe(
      (event) =>
        event.type === "access"
          ? this.#accesses.add(event)
          : this.#report({ type: "event", event }),
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
