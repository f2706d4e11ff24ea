/**
 * Probes one worker, and makes sure that it is the worker which responds.
 *
 * @module
 */

import type { WatchedWorker } from "../pool/health_watcher.ts";
import {
  describeSocket,
  type Ownership,
  type WorkerSockets,
} from "../system/worker_sockets.ts";
import { bracketed } from "../shared/authority.ts";
import { servesOneConnection } from "./connection_check.ts";
import {
  isHealthy,
  probe,
  type ProbeOptions,
  type ProbeResult,
} from "./probe.ts";
import { speaksTls } from "./tls_check.ts";
import { isGranted } from "../shared/is_granted.ts";

/** The other loopback address: where a program listens that was told `localhost`, on some machines. */
const IPV6_LOOPBACK = "::1";

/** Time from the start of a worker from which it is looked for there too, in milliseconds, and between two such looks. */
const IPV6_AFTER_MS = 300;
const IPV6_INTERVAL_MS = 250;

/** Time between two tries whether it speaks TLS, in milliseconds. */
const TLS_INTERVAL_MS = 1_000;

/** Time between two looks at all sockets of a worker of which only some are allowed, in milliseconds. */
const VIEW_INTERVAL_MS = 2_000;

/** How a worker is probed. */
export interface WorkerProbeOptions extends Omit<ProbeOptions, "signal"> {
  /** Whether only 2xx and 3xx are healthy, and not anything below 500. */
  readonly healthStrict: boolean;
}

/** Probes one worker. */
export class WorkerProbe {
  readonly #worker: WatchedWorker;
  readonly #options: WorkerProbeOptions;
  readonly #sockets: WorkerSockets;
  readonly #concurrent: { generation: number };
  readonly #signal: AbortSignal;
  #hostname: string;
  #serial: boolean | null = null;
  #listener: number | null = null;
  #nextIpv6At = performance.now() + IPV6_AFTER_MS;
  #nextTlsAt = 0;
  #nextViewAt = 0;

  /** Creates a probe of a worker that has just been started; `signal` calls off all it does. */
  constructor(
    worker: WatchedWorker,
    options: WorkerProbeOptions,
    deps: {
      readonly sockets: WorkerSockets;
      /** The generation of which one was seen to serve several connections: all do. */
      readonly concurrent: { generation: number };
      readonly signal: AbortSignal;
    },
  ) {
    this.#worker = worker;
    this.#options = options;
    this.#sockets = deps.sockets;
    this.#concurrent = deps.concurrent;
    this.#signal = deps.signal;
    this.#hostname = worker.hostname;
  }

  /** Where it is reached: other than it was told only when that has proved to be so. */
  get hostname(): string {
    return this.#hostname;
  }

  /** Whether it serves one connection at a time; found out when it responds well for the first time. */
  get serial(): boolean {
    return this.#serial ?? false;
  }

  /** The process that listens; `null` where that cannot be seen, or they are several. */
  get listener(): number | null {
    return this.#listener;
  }

  /** Probes once. `starting` is a worker that has never been ready. */
  async run(starting: boolean): Promise<ProbeResult> {
    let result = await this.#probe(this.#hostname, starting);
    if (starting && result.type === "refused") {
      result = await this.#tryIpv6() ?? result;
    }
    if (starting && isHealthy(result, this.#options.healthStrict)) {
      this.#serial ??= await this.#servesOneConnection();
    }
    return result;
  }

  /** Once it has been seen that it does not, that holds for its program; that it does may be chance. */
  async #servesOneConnection(): Promise<boolean> {
    const { port, generation } = this.#worker;
    if (this.#concurrent.generation === generation) return false;
    const serial = await servesOneConnection(
      { hostname: this.#hostname, port },
      { ...this.#options, signal: this.#signal },
    );
    if (serial === false) this.#concurrent.generation = generation;
    return serial ?? false;
  }

  async #probe(hostname: string, starting: boolean): Promise<ProbeResult> {
    const target = { hostname, port: this.#worker.port };
    // Who listens is found out while the response is awaited.
    const owners: Promise<Ownership>[] = [];
    const result = await probe(target, {
      ...this.#options,
      signal: this.#signal,
      onConnected: () => {
        owners.push(
          this.#sockets.ownership({ ...this.#worker, hostname }, starting),
        );
      },
    });
    const [owner] = await Promise.all(owners);
    switch (result.type) {
      case "responded":
        if (
          starting && result.status === 400 && await this.#speaksTls(target)
        ) {
          return { type: "tls" };
        }
        return await this.#checkOwner(result, owner!, starting);
      case "malformed":
        if (await this.#speaksTls(target)) return { type: "tls" };
        return result;
      default:
        return result;
    }
  }

  async #checkOwner(
    result: ProbeResult,
    owner: Ownership,
    starting: boolean,
  ): Promise<ProbeResult> {
    switch (owner.type) {
      case "own":
        this.#listener = owner.listener;
        return await this.#accepts(starting)
          ? result
          : { type: "foreign", holder: "another server of the worker" };
      case "foreign":
        return { type: "foreign", holder: owner.holder };
      case "unknown":
        // Then what the worker itself says of its port has to do.
        return this.#worker.lostPort?.()
          ? { type: "foreign", holder: null }
          : result;
    }
  }

  /** Whether it may listen as it does. Not looked at with each probe. */
  async #accepts(starting: boolean): Promise<boolean> {
    const { accepts } = this.#worker;
    const now = performance.now();
    if (accepts === undefined || !starting && now < this.#nextViewAt) {
      return true;
    }
    this.#nextViewAt = now + VIEW_INTERVAL_MS;
    const view = await this.#sockets.view(this.#worker);
    return view === null || accepts(view.sockets.map(describeSocket));
  }

  /** One that listens on `::1` alone is reached there, if it is the worker. */
  async #tryIpv6(): Promise<ProbeResult | null> {
    const now = performance.now();
    if (now < this.#nextIpv6At || this.#hostname === IPV6_LOOPBACK) return null;
    this.#nextIpv6At = now + IPV6_INTERVAL_MS;
    if (!mayConnect(IPV6_LOOPBACK)) return null;
    const result = await this.#probe(IPV6_LOOPBACK, true);
    if (result.type === "aborted" || result.type === "tls") return result;
    if (result.type !== "responded") return null;
    if (isHealthy(result, this.#options.healthStrict)) {
      this.#hostname = IPV6_LOOPBACK;
    }
    return result;
  }

  async #speaksTls(
    target: { readonly hostname: string; readonly port: number },
  ): Promise<boolean> {
    const now = performance.now();
    if (now < this.#nextTlsAt) return false;
    if (!await speaksTls(target, this.#signal)) {
      this.#nextTlsAt = now + TLS_INTERVAL_MS;
      return false;
    }
    return true;
  }
}

function mayConnect(hostname: string): boolean {
  return isGranted({ name: "net", host: bracketed(hostname) });
}
