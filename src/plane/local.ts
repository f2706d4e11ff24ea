/**
 * The data plane in the thread of the control plane: what crosses is carried
 * by plain calls, and figures are computed when they are asked for.
 *
 * @module
 */

import type { TlsServer } from "../proxy/core/handshake.ts";
import { runningClock } from "../shared/running_clock.ts";
import type { Dispatcher } from "../upstream/dispatcher.ts";
import { adminPort } from "./admin_responses.ts";
import type {
  AdminSite,
  Call,
  Certificate,
  Command,
  DataPlane,
  DataPlaneFigures,
  Fact,
  Replies,
  UpstreamFigures,
} from "./contract.ts";
import type { ProxyParts } from "./deno_proxy.ts";
import { Listeners } from "./listeners.ts";
import { openTracer } from "./open_tracer.ts";
import { type DataPlaneSettings, PlaneHost } from "./plane_host.ts";

/** What it serves clients with. */
export interface ServeParts extends Pick<ProxyParts, "listener" | "port"> {
  /** `null` for plain HTTP. */
  readonly certificate: Certificate | null;
  /** Our own pages; `null` leaves all paths to the application. */
  readonly admin: AdminSite | null;
}

/** TLS with a certificate that can be replaced. */
interface RenewableTls extends TlsServer {
  renew(certificate: Certificate): void;
}

/** Carries the contract by calls. */
export class LocalPlane implements DataPlane {
  readonly #settings: DataPlaneSettings;
  readonly #host: PlaneHost;
  readonly #clock = runningClock();
  readonly #listeners = new Listeners();

  /**
   * Creates a data plane that does not serve yet.
   *
   * @param dispatcher For tests, which claim by themselves.
   */
  constructor(settings: DataPlaneSettings, dispatcher?: Dispatcher) {
    this.#settings = settings;
    const report = (fact: Fact): void => this.#listeners.notify(fact);
    this.#host = new PlaneHost(settings, report, {
      clock: this.#clock,
      dispatcher,
    });
  }

  /** Begins to serve clients. */
  async serve(
    { listener, port, certificate, admin }: ServeParts,
  ): Promise<void> {
    const tls = certificate === null ? null : await terminationOf(certificate);
    const { counters, dispatcher, events } = this.#host;
    // Where clients are served in a thread of its own, it is that which loads all this.
    const { Proxy } = await import("./deno_proxy.ts");
    const proxy = new Proxy(this.#settings, {
      listener,
      port,
      tls,
      dispatcher,
      clock: this.#clock,
      counters,
      events,
      admin: admin === null ? null : adminPort(admin),
      tracer: await openTracer(this.#settings),
    });
    const { engine, acceptor, driver } = proxy;
    this.#host.serve({
      engine,
      acceptor,
      clock: driver.clock,
      timers: driver.timers,
      renewCertificate: tls === null ? null : (renewed) => tls.renew(renewed),
      onStopped: () => driver.stop(),
    });
  }

  get revision(): number {
    return this.#host.revision;
  }

  send(command: Command): void {
    this.#host.send(command);
  }

  async ask<C extends Call>(call: C): Promise<Replies[C["type"]] | null> {
    const { promise, resolve } = Promise.withResolvers<Replies[C["type"]]>();
    this.#host.reply(call, (reply) => resolve(reply as Replies[C["type"]]));
    return await promise;
  }

  /** It is always known here. */
  refresh(): Promise<void> {
    return Promise.resolve();
  }

  figuresOf(key: number): UpstreamFigures {
    return this.#host.figuresOf(key);
  }

  figures(): DataPlaneFigures {
    return this.#host.figures();
  }

  subscribe(listener: (fact: Fact) => void): () => void {
    return this.#listeners.add(listener);
  }
}

/** A tenth of the memory of a balancer that does not speak TLS: loaded where it does. */
async function terminationOf(certificate: Certificate): Promise<RenewableTls> {
  const { TlsTermination } = await import("./tls_termination.ts");
  return new TlsTermination(certificate);
}
