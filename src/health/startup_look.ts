/**
 * Looks from time to time at a worker that has never been ready: on what it
 * listens, and whether it computes.
 *
 * @module
 */

import type { WatchedWorker } from "../pool/health_watcher.ts";
import { receives } from "../system/listen_table.ts";
import {
  describeSocket,
  type WorkerSockets,
  type WorkerView,
} from "../system/worker_sockets.ts";
import type { StartupFindings } from "../events/worker_findings.ts";
import type { ProbeOptions, ProbeResult } from "./probe.ts";
import { diagnoseStartup, obstacleOf } from "./startup_diagnosis.ts";

/** Time from the start of a worker to the first look, in milliseconds: nearly all are ready by then. */
const FIRST_LOOK_MS = 500;

/** Time between two looks, in milliseconds, and from when on they are fewer. */
const INTERVAL_MS = 1_000;
const LATE_INTERVAL_MS = 3_000;
const LATE_MS = 10_000;

/** Looks at one worker. */
export class StartupLook {
  readonly #worker: WatchedWorker;
  readonly #options: Pick<ProbeOptions, "healthPath" | "healthHost">;
  readonly #sockets: WorkerSockets;
  readonly #startedAt = performance.now();
  #nextAt = this.#startedAt + FIRST_LOOK_MS;
  #last: { readonly at: number; readonly cpuSeconds: number } | null = null;
  /** Which obstacle there is, and since when; one that listens is known by where. */
  #standing: { readonly key: string; readonly since: number } | null = null;
  #readsPort: boolean | null = null;
  #findings: StartupFindings | null = null;

  /** Creates a look at a worker that has just been started. */
  constructor(
    worker: WatchedWorker,
    options: Pick<ProbeOptions, "healthPath" | "healthHost">,
    sockets: WorkerSockets,
  ) {
    this.#worker = worker;
    this.#options = options;
    this.#sockets = sockets;
  }

  /** Returns what keeps it from being ready, after a probe that did not pass; `null` when that is too early to say. */
  async look(result: ProbeResult): Promise<StartupFindings | null> {
    const now = performance.now();
    if (now < this.#nextAt) return this.#findings;
    this.#nextAt = now +
      (now - this.#startedAt < LATE_MS ? INTERVAL_MS : LATE_INTERVAL_MS);
    const view = await this.#sockets.view(this.#worker);
    const elsewhere = result.type === "refused" ? this.#elsewhere(view) : [];
    const cpuRatio = this.#cpuRatio(view, now);
    const [stray] = elsewhere;
    if (stray !== undefined) {
      this.#readsPort ??= await this.#sockets.readsPort(stray.pid);
    }
    const readsPort = this.#readsPort ?? false;
    const target = this.#worker;
    const seen = { result, elsewhere, readsPort, cpuRatio, target };
    const places = elsewhere.map(({ address, port }) => `${address} ${port}`);
    const key = [obstacleOf(seen), ...places].join();
    if (this.#standing?.key !== key) this.#standing = { key, since: now };
    this.#findings = diagnoseStartup(
      { ...this.#options, ...seen },
      now - this.#standing.since,
    );
    return this.#findings;
  }

  #elsewhere(view: WorkerView | null): StartupFindings["elsewhere"] {
    const { hostname: address, port } = this.#worker;
    return (view?.sockets ?? [])
      .filter((socket) => !receives(socket, { address, port }))
      .map(describeSocket);
  }

  #cpuRatio(view: WorkerView | null, at: number): number | null {
    if (view === null) return null;
    const cpuSeconds = view.processes.reduce(
      (sum, process) => sum + process.cpuSeconds,
      0,
    );
    const before = this.#last ?? { at: this.#startedAt, cpuSeconds: 0 };
    this.#last = { at, cpuSeconds };
    // What ends takes its CPU time along.
    const used = Math.max(0, cpuSeconds - before.cpuSeconds);
    return used / ((at - before.at) / 1_000);
  }
}
