/**
 * The whole program: which parts there are, and in what order they start. In
 * what order they stop is in `shut_down.ts`.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import {
  EventEmitter,
  type ListeningEvent,
  type ServingState,
} from "../events/mod.ts";
import { HealthMonitor } from "../health/monitor.ts";
import { type Instance, newInstance } from "../instance.ts";
import { EventTally } from "../metrics/event_tally.ts";
import type { MetricsSnapshot } from "../metrics/metrics_snapshot.ts";
import { Pool } from "../pool/pool.ts";
import type { ReloadReport } from "../events/reload_report.ts";
import type { AdminEndpoint } from "../registry/pool_record.ts";
import { AdminService } from "./admin_service.ts";
import { CertificateService } from "./certificate_service.ts";
import type { OpenListener } from "./listen.ts";
import { MemoryWatch } from "./memory_watch.ts";
import { MetricsService } from "./metrics_service.ts";
import { openPlane, type ServingPlane } from "./open_plane.ts";
import { PublicEndpoint } from "./public_endpoint.ts";
import { ReloadService } from "./reload_service.ts";
import { ScalingService } from "./scaling_service.ts";
import type { ServiceFigures } from "./service_status.ts";
import { inFlightOf, shutDown } from "./shut_down.ts";
import type { Waiting } from "./stop_report.ts";
import type { VitalPart } from "./vital_part.ts";

/** What the command line does beside, and a library leaves to its program. */
export interface SupervisorHooks {
  /**
   * Reads the configuration anew for reloads; it throws a `ConfigError` when
   * that cannot be used. @default {nothing changes}
   */
  readonly readConfig?: () => Config;
  /** Told of each reload that is asked for, by whomever. @default {nobody is told} */
  readonly onReload?: (report: Promise<ReloadReport>) => void;
}

/** Starts and stops a pool, its proxy and its admin pages. */
export class Supervisor {
  /** Everything that happens. */
  readonly events: EventEmitter;
  /** Which run of which pool this is. */
  readonly instance: Instance;
  /** Opens the admin pages of this run; only told to who may read the pool's record. */
  readonly adminKey: string = crypto.randomUUID() + crypto.randomUUID();
  /** Resolves when the pool has been stopped, whoever asked for it. */
  readonly ended: Promise<void>;

  readonly #ended = Promise.withResolvers<void>();
  readonly #config: Config;
  readonly #admin: AdminService;
  readonly #plane: ServingPlane;
  readonly #certificates: CertificateService;
  readonly #pool: Pool;
  readonly #scaling: ScalingService;
  readonly #memory: MemoryWatch;
  readonly #reloads: ReloadService;
  readonly #metrics: MetricsService;
  readonly #tally: EventTally;
  readonly #onReload: (report: Promise<ReloadReport>) => void;
  #state: ServingState = "starting";
  #listener: OpenListener | null = null;
  #endpoint: PublicEndpoint | null = null;
  #stopped: Promise<void> | null = null;
  /** Resolves when the state is not `starting` any more. */
  readonly #started = Promise.withResolvers<void>();

  /** Puts the parts together; nothing is started. */
  constructor(
    config: Config,
    events: EventEmitter = new EventEmitter(),
    hooks: SupervisorHooks = {},
  ) {
    this.#config = config;
    this.#onReload = hooks.onReload ?? ((): void => {});
    this.events = events;
    this.ended = this.#ended.promise;
    this.instance = newInstance(config.poolName);
    const tally = this.#tally = new EventTally(events);
    this.#admin = new AdminService({ ...config, adminKey: this.adminKey }, {
      instance: this.instance,
      events,
      ready: () => this.#ready,
      refresh: () => this.#plane.refresh(),
      metrics: () => this.metrics(),
      history: (sinceSeconds) => this.#metrics.history(sinceSeconds),
      exposition: (format) => this.#metrics.exposition(format),
      reload: () => this.reload(),
      stop: () => void this.stop(),
      scale: (workers) => this.scale(workers),
    });
    const plane = this.#plane = openPlane(config, events);
    const certificates = this.#certificates = new CertificateService(config, {
      events,
      plane,
    });
    const health = new HealthMonitor(config, { events, plane });
    const pool = this.#pool = new Pool(config, { plane, events, health });
    const scaling = this.#scaling = new ScalingService(config, {
      pool,
      plane,
      events,
    });
    this.#metrics = new MetricsService(config, {
      instance: this.instance,
      events,
      plane,
      pool,
      scaling,
      tally,
      state: () => this.#state,
    });
    this.#reloads = new ReloadService(config, {
      pool,
      scaling,
      events,
      renewCertificate: () => certificates.renew(),
      obstacle: () =>
        this.#state === "serving" ? null : `the pool is ${this.#state}`,
      started: () => this.#state === "starting" ? this.#started.promise : null,
      readConfig: hooks.readConfig ?? ((): Config => config),
    });
    this.#memory = new MemoryWatch({
      pool,
      events,
      options: () => this.#reloads.config,
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
    return this.#listening("URL").url;
  }

  /** How the admin pages are reached. @throws {Error} Before the pool listens. */
  get adminEndpoint(): AdminEndpoint {
    return this.#admin.endpoint ?? this.#listening("address").admin;
  }

  /** The port clients connect to; 0 with a unix socket, and before the pool listens. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** The figures that `/_metrics` shows; of a data plane elsewhere they may be a moment old. */
  metrics(): MetricsSnapshot {
    return this.#metrics.snapshot();
  }

  /** A few figures that cost nothing to find out, unlike {@linkcode metrics}. */
  get figures(): ServiceFigures {
    const { ready, desired, generation } = this.#pool.snapshot();
    return {
      ...inFlightOf(this.#plane),
      state: this.#state,
      ready,
      desired,
      generation,
      queued: this.#plane.figures().queue.depth,
      workersLeft: this.#pool.workersLeft,
    };
  }

  /** What has to go on working, or the pool had better be started anew. */
  get vitalParts(): readonly VitalPart[] {
    return [
      { name: "the reconciler", pulse: () => this.#pool.pulse() },
      { name: "the data plane", pulse: () => this.#plane.pulse() },
    ];
  }

  /** Sets the wanted number of workers, within MIN_WORKERS and MAX_WORKERS, and returns it. */
  scaleTo(workers: number): number {
    return this.#scaling.scaleTo(workers);
  }

  /** Sets the wanted number of workers, within MIN_WORKERS and MAX_WORKERS, and returns what it was and is. */
  scale(workers: number): { readonly from: number; readonly to: number } {
    const from = this.#pool.snapshot().desired;
    return { from, to: this.scaleTo(workers) };
  }

  /** Wants so many workers more, or fewer when negative, within the same bounds. */
  scaleBy(difference: number): void {
    this.scaleTo(this.#pool.snapshot().desired + difference);
  }

  /**
   * Reads the configuration and the certificate anew, and replaces every
   * worker by one of a new generation, without a request lost.
   *
   * Never rejects for what is read, nor for what the new workers do: either is
   * reported, and the old ones serve on.
   *
   * While the pool starts it is kept, and done afterwards, once for all who
   * have asked.
   */
  reload(): Promise<ReloadReport> {
    const report = this.#reloads.reload();
    this.#onReload(report);
    return report;
  }

  /**
   * Starts everything, and resolves when requests are served.
   *
   * The port is bound first: one that is taken is told before a worker is
   * started, and requests that come early wait for the first worker.
   *
   * @param onListening Called in between, when the admin pages can be reached.
   * @throws {StartError} When an address cannot be listened on.
   * @throws {PoolStartError} When no worker could be started.
   */
  async start(
    onListening: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    let begun = false;
    try {
      const certificate = await this.#certificates.open();
      const opened = this.#listener = await this.#plane.listen();
      this.#endpoint = new PublicEndpoint(opened, {
        tls: certificate !== null,
        proxyProtocol: this.#config.proxyProtocol,
      });
      await this.#metrics.start();
      const admin = await this.#admin.start();
      await this.#plane.begin(opened, { certificate, admin });
      begun = true;
      this.#memory.checkLimit();
      await onListening();
      await this.#pool.start();
    } catch (error) {
      if (!begun) this.#listener?.close();
      await this.#shutDown(0);
      throw error;
    }
    if (this.#state !== "starting") return;
    this.#scaling.start();
    this.#memory.start();
    this.#setState("serving");
    this.#announce();
  }

  /**
   * Stops everything: not ready -> wait -> accept no more -> requests end ->
   * workers are asked to end, and end their streams -> what is left is cut.
   * Resolves when nothing is left. Calling it again waits for the same.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Whether stopping has begun. */
  get stopAsked(): boolean {
    return this.#stopped !== null;
  }

  /**
   * Kills all workers at once, for those who cannot wait for {@linkcode stop},
   * and returns what that cuts. The process is to end then.
   */
  killAll(): Waiting {
    const cut = { ...inFlightOf(this.#plane), workers: this.#pool.workersLeft };
    this.#pool.killAll();
    this.#listener?.removeFile();
    return cut;
  }

  async #stop(): Promise<void> {
    // Who asks `/_ready` sends requests before the last worker has started, too.
    const serving = this.#state === "serving" || this.#ready;
    this.#setState("draining");
    const { drainDelayMs, drainTimeoutMs } = this.#reloads.config;
    // Nothing but the end of the process cuts this wait, and that cuts all.
    if (serving && drainDelayMs > 0) await delay(drainDelayMs);
    await this.#shutDown(drainTimeoutMs);
    this.#ended.resolve();
  }

  async #shutDown(drainTimeoutMs: number): Promise<void> {
    await shutDown({
      deciders: [this.#scaling, this.#memory],
      removeFile: () => this.#listener?.removeFile(),
      plane: this.#plane,
      pool: this.#pool,
      observers: [this.#admin, this.#metrics, this.#certificates],
      events: this.events,
    }, drainTimeoutMs);
    this.#setState("stopped");
    this.#tally.close();
  }

  /** Requests are taken from the start on, not only when every worker is ready. */
  get #ready(): boolean {
    const accepting = this.#state === "starting" || this.#state === "serving";
    return accepting && this.#pool.snapshot().ready > 0;
  }

  #listening(what: string): PublicEndpoint {
    if (this.#endpoint !== null) return this.#endpoint;
    throw new Error(`Cannot tell the ${what}: the pool does not listen yet`);
  }

  #announce(): void {
    const tls = this.#config.serverCertPath !== null;
    const announce = (
      { hostname, port }: { hostname: string; port: number },
      rest: Pick<ListeningEvent, "role" | "tls" | "transport">,
    ): void => this.events.emit({ type: "listening", hostname, port, ...rest });
    const { address } = this.#admin;
    if (address !== null) {
      announce(address, { role: "admin", tls: false, transport: "deno" });
    }
    const { transport } = this.#plane;
    announce(this.#listener!, { role: "public", tls, transport });
  }

  #setState(to: ServingState): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    if (from === "starting") this.#started.resolve();
    this.events.emit({ type: "state-changed", from, to });
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
