/**
 * The whole program: which parts there are, in what order they start, and in
 * what order they stop.
 *
 * @module
 */

import type { Hono } from "hono";
import { adminHandler, createAdmin, serveAdmin } from "../admin/admin.ts";
import { Autoscaler } from "../autoscaler/autoscaler.ts";
import type { Config } from "../config/config.ts";
import { EventEmitter, type ServingState } from "../events.ts";
import { HealthMonitor } from "../health/monitor.ts";
import { Counters } from "../metrics/counters.ts";
import {
  type MetricsSnapshot,
  metricsSnapshot,
} from "../metrics/metrics_snapshot.ts";
import { Rates } from "../metrics/rates.ts";
import { Pool } from "../pool/pool.ts";
import { Proxy } from "../proxy/proxy.ts";
import { Dispatcher } from "../upstream/dispatcher.ts";
import { POLICIES } from "../upstream/policy/mod.ts";
import { listenError } from "./start_error.ts";

/** Connections the kernel holds for us until they are accepted. */
const BACKLOG = 4096;

/** Starts and stops a pool, its proxy and its admin pages. */
export class Supervisor {
  /** Everything that happens. */
  readonly events: EventEmitter;

  readonly #config: Config;
  readonly #counters = new Counters();
  readonly #dispatcher: Dispatcher;
  readonly #pool: Pool;
  readonly #autoscaler: Autoscaler;
  readonly #rates: Rates;
  readonly #startedAt = performance.now();
  #state: ServingState = "starting";
  #proxy: Proxy | null = null;
  #adminServer: Deno.HttpServer | null = null;
  #address: Deno.NetAddr | null = null;
  #adminAddress: Deno.NetAddr | null = null;
  #stopped: Promise<void> | null = null;

  /** Puts the parts together; nothing is started. */
  constructor(config: Config, events: EventEmitter = new EventEmitter()) {
    this.#config = config;
    this.events = events;
    const dispatcher = this.#dispatcher = new Dispatcher({
      policy: POLICIES[config.policy],
      workerConcurrency: config.workerConcurrency,
      maxQueue: config.maxQueue,
      queueTimeoutMs: config.queueTimeoutMs,
    });
    this.#rates = new Rates(this.#counters, () => dispatcher.upstreams);
    const health = new HealthMonitor(config);
    const pool = this.#pool = new Pool(config, { dispatcher, events, health });
    this.#autoscaler = new Autoscaler(config, {
      sample: () => this.#sampleLoad(),
      scaleTo: (workers, reason, inputs) =>
        pool.scaleTo(workers, reason, inputs),
    });
  }

  /** What the pool as a whole is doing. */
  get state(): ServingState {
    return this.#state;
  }

  /**
   * Where clients connect, without a slash at the end. `0.0.0.0` and `::`
   * are written as the loopback address, so that it can be opened.
   *
   * @throws {Error} Before the pool listens.
   */
  get url(): string {
    if (this.#address === null) {
      throw new Error("Cannot tell the URL: the pool does not listen yet");
    }
    return urlOf(this.#address);
  }

  /** The port clients connect to. @throws {Error} Before the pool listens. */
  get port(): number {
    return Number(new URL(this.url).port || 80);
  }

  /** The figures that `/_metrics` shows. */
  metrics(): MetricsSnapshot {
    return metricsSnapshot({
      counters: this.#counters,
      rates: this.#rates,
      pool: this.#pool.snapshot(),
      queue: this.#dispatcher.queue,
      state: this.#state,
      startedAt: this.#startedAt,
      idleUpstreamConnections: this.#proxy?.idleUpstreamConnections ?? 0,
      scaling: this.#autoscaler.decisions.map((decision) => ({
        ...decision,
        at: new Date(decision.at).toISOString(),
      })),
    });
  }

  /** Sets the wanted number of workers, within MIN_WORKERS and MAX_WORKERS, and returns it. */
  scaleTo(workers: number): number {
    return this.#pool.scaleTo(workers, "command");
  }

  /**
   * Starts everything, and resolves when requests are served.
   *
   * The port is bound first: one that is taken is told before a worker is
   * started, and requests that come early wait for the first worker.
   *
   * @throws {StartError} When an address cannot be listened on.
   * @throws {PoolStartError} When no worker could be started.
   */
  async start(): Promise<void> {
    try {
      const listener = this.#listen();
      this.#rates.start();
      const admin = this.#startAdmin();
      this.#proxy = new Proxy(this.#config, {
        listener,
        dispatcher: this.#dispatcher,
        counters: this.#counters,
        events: this.events,
        admin,
      });
      await this.#pool.start();
    } catch (error) {
      await this.#shutDown(0);
      throw error;
    }
    if (this.#state !== "starting") return;
    this.#autoscaler.start();
    this.#setState("serving");
    this.#announce();
  }

  /**
   * Stops everything: not ready -> wait -> accept no more -> drain -> end the
   * workers. Resolves when nothing is left. Calling it again waits for the same.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Whether stopping has begun. */
  get stopAsked(): boolean {
    return this.#stopped !== null;
  }

  /** Kills all workers at once, for those who cannot wait for {@linkcode stop}. */
  killAll(): void {
    this.#pool.killAll();
  }

  async #stop(): Promise<void> {
    const serving = this.#state === "serving";
    this.#setState("draining");
    const { drainDelayMs, drainTimeoutMs } = this.#config;
    // Nothing but the end of the process cuts this wait, and that cuts all.
    if (serving && drainDelayMs > 0) await delay(drainDelayMs);
    await this.#shutDown(drainTimeoutMs);
  }

  /** Stops what was started, in reverse. */
  async #shutDown(drainTimeoutMs: number): Promise<void> {
    await this.#autoscaler.stop();
    await this.#proxy?.stop(drainTimeoutMs);
    await this.#pool.stop();
    await this.#adminServer?.shutdown();
    this.#rates.stop();
    this.#setState("stopped");
  }

  /** Requests are taken from the start on, not only when every worker is ready. */
  get #accepting(): boolean {
    return this.#state === "starting" || this.#state === "serving";
  }

  #listen(): Deno.TcpListener {
    const { host: hostname, port } = this.#config;
    try {
      const listener = Deno.listen({ hostname, port, tcpBacklog: BACKLOG });
      this.#address = listener.addr;
      return listener;
    } catch (error) {
      throw listenError(`${hostname}:${port}`, {
        hostSetting: "HOST",
        portSetting: "PORT",
      }, error);
    }
  }

  /** Starts the admin pages, and returns what answers for them on the public port. */
  #startAdmin(): ReturnType<typeof adminHandler> | null {
    const app: Hono = createAdmin({
      ready: () => this.#accepting && this.#pool.snapshot().ready > 0,
      metrics: () => this.metrics(),
    });
    const { adminHost, adminPort, adminToken, adminAllow } = this.#config;
    if (adminPort === null) {
      return adminHandler(app, { adminToken, adminAllow });
    }
    try {
      const options = { adminHost, adminPort, adminToken, adminAllow };
      const server = serveAdmin(app, options);
      this.#adminServer = server;
      this.#adminAddress = server.addr;
      return null;
    } catch (error) {
      throw listenError(`${adminHost}:${adminPort}`, {
        hostSetting: "ADMIN_HOST",
        portSetting: "ADMIN_PORT",
      }, error);
    }
  }

  #announce(): void {
    for (
      const [role, address] of [
        ["admin", this.#adminAddress],
        ["public", this.#address],
      ] as const
    ) {
      if (address === null) continue;
      const { hostname, port } = address;
      this.events.emit({ type: "listening", hostname, port, role });
    }
  }

  #sampleLoad(): ReturnType<
    ConstructorParameters<typeof Autoscaler>[1]["sample"]
  > {
    const { ready, desired } = this.#pool.snapshot();
    const queued = this.#dispatcher.queue.depth;
    return {
      requests: this.#counters.requests,
      inFlight: this.#counters.inFlight - queued,
      queued,
      ready,
      desired,
    };
  }

  #setState(to: ServingState): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    this.events.emit({ type: "state-changed", from, to });
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function urlOf({ hostname, port }: Deno.NetAddr): string {
  const host = hostname === "0.0.0.0"
    ? "127.0.0.1"
    : hostname === "::"
    ? "[::1]"
    : hostname.includes(":")
    ? `[${hostname}]`
    : hostname;
  return `http://${host}:${port}`;
}
