/**
 * The core of the data plane, with nothing around it but memory: real engine,
 * dispatcher and counters; links, connections to workers and time by hand.
 *
 * Everything that can happen next is an {@linkcode Action}. A test has all of
 * them happen until there are none, or chooses one after the other.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EventEmitter, type PoolEvent } from "../../../src/events/mod.ts";
import type { AdminPort } from "../../../src/proxy/core/admin_port.ts";
import { MEDIUM_BUFFER_BYTES } from "../../../src/proxy/core/buffer_pool.ts";
import { Counters } from "../../../src/proxy/core/counters.ts";
import { DEADLINE_INTERVAL_MS } from "../../../src/proxy/core/deadlines.ts";
import {
  type Acceptor,
  type EngineSettings,
  ProxyEngine,
} from "../../../src/proxy/core/engine.ts";
import type { TlsServer } from "../../../src/proxy/core/handshake.ts";
import {
  Dispatcher,
  type DispatcherOptions,
} from "../../../src/upstream/dispatcher.ts";
import { Upstream } from "../../../src/upstream/upstream.ts";
import { POISON, PoisonedPool } from "../poisoned_pool.ts";
import { DEFAULT_QUEUE, DEFAULT_SETTINGS } from "../proxy_defaults.ts";
import { ManualClock, ManualTimers } from "./manual_clock.ts";
import {
  type PendingConnect,
  ScriptedConnector,
} from "./scripted_connector.ts";
import { ScriptedLink, type ScriptedLinkOptions } from "./scripted_link.ts";

/** The port clients know, as named in forwarding fields. */
export const CORE_PORT = 8080;

/** Where the first worker listens; the others after it. */
export const FIRST_WORKER_PORT = 9000;

/**
 * How time passes until everything must have ended: in ever longer leaps, the
 * sum of which is longer than the longest wait, the hour of an idle tunnel.
 */
const LEAPS_MS = [100, 1000, 3000, 10_000, 30_000, 80_000, 80_000, 4_000_000];

/** How often these are gone through: one wait may follow another. */
const ROUNDS_OF_LEAPS = 6;

/** More than anything here takes; beyond it, something goes round in circles. */
const MAX_ACTIONS = 2_000_000;

/** How to set a stand up. */
export interface CoreStandOptions {
  /** What differs from the defaults. */
  readonly settings?: Partial<EngineSettings & DispatcherOptions>;
  /** How many workers there are. @default {1} */
  readonly workers?: number;
  /** How links behave. @default {at once} */
  readonly links?: ScriptedLinkOptions;
  readonly admin?: AdminPort;
  readonly tls?: TlsServer;
}

/** Somebody at the other end of a link, who looks at what has come and does something. */
export interface Peer {
  /** Does the next thing, if there is one; returns whether there was. */
  react(): boolean;
}

/** One thing that can happen. */
export type Action = () => void;

/** The core on its stand. */
export class CoreStand {
  readonly clock: ManualClock = new ManualClock();
  readonly timers: ManualTimers = new ManualTimers(this.clock);
  readonly buffers: PoisonedPool = new PoisonedPool();
  readonly connector: ScriptedConnector = new ScriptedConnector();
  readonly counters: Counters = new Counters();
  readonly dispatcher: Dispatcher;
  readonly upstreams: readonly Upstream[];
  readonly engine: ProxyEngine;
  /** All links there have been. */
  readonly links: ScriptedLink[] = [];
  /** Those at the other ends. */
  readonly peers: Peer[] = [];
  /** Everything that was emitted. */
  readonly events: PoolEvent[] = [];
  /** Decides what becomes of an attempt to connect; `null` leaves it waiting. @default {it succeeds} */
  onConnect: (attempt: PendingConnect) => Action | null = (attempt) => () =>
    attempt.succeed(this.newWorkerLink());

  readonly #links: ScriptedLinkOptions;
  readonly #faults: unknown[] = [];
  #accepting = true;

  /** Sets the stand up; nothing has happened yet. */
  constructor(options: CoreStandOptions = {}) {
    const { settings, workers = 1, links = {}, admin, tls } = options;
    const { clock, timers, buffers, connector, counters } = this;
    this.#links = links;
    this.dispatcher = new Dispatcher({
      ...DEFAULT_QUEUE,
      ...settings,
      clock: clock.now,
      random: () => 0,
    });
    this.upstreams = Array.from({ length: workers }, (_, id) =>
      new Upstream({
        id,
        hostname: "127.0.0.1",
        port: FIRST_WORKER_PORT + id,
        generation: 1,
      }));
    this.dispatcher.publish(this.upstreams);
    const events = new EventEmitter();
    events.subscribe((event) => this.events.push(event));
    this.engine = new ProxyEngine({ ...DEFAULT_SETTINGS, ...settings }, {
      driver: {
        clock,
        timers,
        buffers,
        connector,
        isEnding: () => false,
        reportFault: (fault) => this.#faults.push(fault),
      },
      port: CORE_PORT,
      tls: tls ?? null,
      dispatcher: this.dispatcher,
      counters,
      events,
      admin: admin ?? null,
    });
  }

  /** Lets whoever waits in, and nobody after them. */
  readonly acceptor: Acceptor = {
    close: (onClosed) => {
      this.#accepting = false;
      onClosed();
    },
  };

  /** Whether clients are let in. */
  get accepting(): boolean {
    return this.#accepting;
  }

  /** A client has connected. */
  accept(options: ScriptedLinkOptions = {}): ScriptedLink {
    const link = this.#newLink(options);
    this.engine.accept({
      link,
      peerAddress: "127.0.0.1",
      onClosed: () => {},
    });
    return link;
  }

  /** A link for a worker to be connected with. */
  newWorkerLink(options: ScriptedLinkOptions = {}): ScriptedLink {
    return this.#newLink({ bufferBytes: MEDIUM_BUFFER_BYTES, ...options });
  }

  /** All that can happen now, without time. */
  get actions(): readonly Action[] {
    const actions: Action[] = [];
    for (const attempt of this.connector.pending) {
      const action = this.onConnect(attempt);
      if (action !== null) actions.push(action);
    }
    for (const link of this.links) {
      for (const step of link.steps) actions.push(() => link.step(step));
    }
    return actions;
  }

  /** Has everything happen that can, as long as anything can; with `readsLate`, reads only when there is nothing else. */
  run({ readsLate = false }: { readonly readsLate?: boolean } = {}): void {
    for (let count = 0; count < MAX_ACTIONS; count++) {
      if (!this.#act(readsLate)) return;
    }
    throw new Error("The core goes round in circles");
  }

  /** Lets time pass, as the driver sees it pass. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += DEADLINE_INTERVAL_MS) {
      this.leap(Math.min(DEADLINE_INTERVAL_MS, ms - passed));
    }
  }

  /** Lets time pass as if we had been busy all the while. */
  leap(ms: number): void {
    this.clock.advance(ms);
    this.timers.fire();
    this.engine.deadlines.enforce(this.clock.now());
    for (const link of this.links) link.beginBriefWatch();
    this.run();
  }

  /**
   * Lets so much time pass that every wait has ended, and looks that nothing
   * is left: no claim, connection, buffer, timer.
   */
  checkEnds(): void {
    for (let round = 0; round < ROUNDS_OF_LEAPS; round++) {
      for (const ms of LEAPS_MS) this.leap(ms);
      if (this.links.every((link) => link.closed)) break;
    }
    this.checkSound();
    const { counters, upstreams } = this;
    const open = this.links.filter((link) => !link.closed);
    assert.equal(open.length, 0, "connections that do not end");
    assert.equal(this.connector.pending.size, 0, "attempts to connect");
    assert.equal(this.timers.pending, 0, "timers that are left");
    assert.equal(counters.clientConnections, 0, "client connections");
    assert.equal(counters.inFlight, 0, "requests in flight");
    assert.equal(counters.awaitingResponse, 0, "requests without a response");
    assert.equal(this.dispatcher.queue.depth, 0, "requests in the queue");
    assert.equal(this.engine.idleUpstreamConnections, 0, "idle connections");
    for (const { id, inFlight, exchanges } of upstreams) {
      assert.equal(inFlight, 0, `claims of worker ${id}`);
      assert.equal([...exchanges].length, 0, `exchanges of worker ${id}`);
    }
    this.#checkBuffers();
  }

  /** Looks that nothing has gone wrong so far that must not. */
  checkSound(): void {
    assert.deepEqual(this.#faults, []);
    for (const event of this.events) {
      if (event.type !== "exchange-failed") continue;
      assert.notEqual(event.code, "internal", event.message);
    }
    const poison = String.fromCharCode(POISON);
    for (const { output } of this.links) {
      assert.ok(!output.includes(poison), "octets of a buffer given back");
    }
  }

  #newLink(options: ScriptedLinkOptions): ScriptedLink {
    const { buffers } = this;
    const link = new ScriptedLink({ ...this.#links, ...options, buffers });
    this.links.push(link);
    return link;
  }

  #act(readsLate: boolean): boolean {
    let acted = false;
    for (const attempt of [...this.connector.pending]) {
      const action = this.onConnect(attempt);
      action?.();
      acted ||= action !== null;
    }
    for (const link of this.links) {
      for (const step of link.steps) {
        if (readsLate && step === "read") continue;
        if (!link.steps.includes(step)) continue;
        link.step(step);
        acted = true;
      }
    }
    for (const peer of this.peers) acted = peer.react() || acted;
    if (acted || !readsLate) return acted;
    const late = this.links.find((link) => link.steps.includes("read"));
    late?.step("read");
    return late !== undefined;
  }

  /** Every buffer was given back, but for those that were being written from when their link was closed. */
  #checkBuffers(): void {
    const abandoned = this.links.map((link) => link.abandoned?.buffer);
    const lost = [...this.buffers.taken]
      .filter(({ buffer }) => !abandoned.includes(buffer as ArrayBuffer));
    assert.equal(lost.length, 0, "buffers that were not given back");
  }
}
