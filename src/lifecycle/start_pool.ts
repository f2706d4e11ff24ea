/**
 * A pool inside another program.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { type PoolOptions, resolveOptions } from "../config/options.ts";
import { EventEmitter, type ServingState } from "../events/mod.ts";
import type { MetricsSnapshot } from "../metrics/metrics_snapshot.ts";
import type { ReloadReport } from "../events/reload_report.ts";
import { Supervisor } from "./supervisor.ts";

/** A pool that runs. */
export interface RunningPool extends AsyncDisposable {
  /** Where clients connect: `"http://127.0.0.1:8080"`, without a slash at the end. */
  readonly url: string;
  /** The port clients connect to. */
  readonly port: number;
  /** What the pool is doing. */
  readonly state: ServingState;
  /** Everything that happens, as typed events. */
  readonly events: EventEmitter;
  /** The figures that `/_metrics` shows; with `transport: "epoll"` as they were a moment ago. */
  metrics(): MetricsSnapshot;
  /** Sets the wanted number of workers, within `minWorkers` and `maxWorkers`, and returns it. */
  scaleTo(workers: number): number;
  /**
   * Replaces every worker by one of a new generation, without a request lost.
   * When the new ones do not work, the old ones serve on; the report says so.
   */
  reload(): Promise<ReloadReport>;
  /** Lets requests in flight end, ends the workers, and resolves when nothing is left. */
  stop(): Promise<void>;
}

/** What a program that embeds a pool may pass besides the settings. */
export interface StartPoolOptions extends PoolOptions {
  /**
   * What drives the connections. By default the runtime's own sockets do, in
   * the program's thread, whatever Deno permits: figures are exact the moment
   * they are read, and nothing is changed that is the program's as a whole. The
   * thread that serves on epoll has the program's garbage collected, too, five
   * seconds after a load, and a fault in its native calls would end the program.
   *
   * `"auto"` is epoll where Deno permits it: for a program whose thread computes
   * for long, as its clients would wait meanwhile, or that does nothing else.
   *
   * @default {"deno"}
   */
  readonly transport?: Config["transport"];
  /** Receives the events, from the first on. @default {one of the pool's own} */
  readonly events?: EventEmitter;
  /** Stops the pool; while it starts, {@linkcode startPool} then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a pool, and resolves when it serves requests.
 *
 * Needs `--allow-net` and `--allow-run`; with `-A` the metrics also have the
 * memory and CPU time of each worker. The environment is not read, signals
 * are not listened to and nothing is logged: that is left to the program.
 *
 * @throws {TypeError} When what is passed is none of the kind: no object, a
 * `signal` or `events` of another make.
 * @throws {ConfigError} When options cannot be used; all problems are named.
 * @throws {StartError} When the port cannot be listened on.
 * @throws {PoolStartError} When no worker could be started.
 * @throws The reason of `signal`, when that is aborted before the pool serves.
 *
 * @example
 * ```ts
 * import { startPool } from "./start_pool.ts";
 * import assert from "node:assert/strict";
 *
 * await using pool = await startPool({
 *   port: 0,
 *   host: "127.0.0.1",
 *   poolSize: 2,
 * });
 * const response = await fetch(`${pool.url}/api/health`);
 * assert.equal(response.status, 200);
 * await response.body?.cancel();
 * assert.equal(pool.metrics().workers.length, 2);
 * ```
 */
export async function startPool(
  options: StartPoolOptions = {},
): Promise<RunningPool> {
  const { events, signal, transport, ...settings } = checkMakes(options);
  signal?.throwIfAborted();
  const supervisor = new Supervisor(
    resolveOptions({ ...settings, transport: transport ?? "deno" }),
    events ?? undefined,
  );
  const onAbort = (): void => void supervisor.stop();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await supervisor.start();
    signal?.throwIfAborted();
  } catch (error) {
    signal?.removeEventListener("abort", onAbort);
    if (!signal?.aborted) throw error;
    await supervisor.stop();
    throw signal.reason;
  }
  // A signal may outlive many pools.
  void supervisor.ended.then(() =>
    signal?.removeEventListener("abort", onAbort)
  );
  return {
    events: supervisor.events,
    get url() {
      return supervisor.url;
    },
    get port() {
      return supervisor.port;
    },
    get state() {
      return supervisor.state;
    },
    metrics: () => supervisor.metrics(),
    scaleTo: (workers) => supervisor.scaleTo(workers),
    reload: () => supervisor.reload(),
    stop: () => supervisor.stop(),
    [Symbol.asyncDispose]: () => supervisor.stop(),
  };
}

/** TypeScript has seen to this; a program in JavaScript is told here what it has mixed up. */
function checkMakes(options: StartPoolOptions): StartPoolOptions {
  if (typeof options !== "object" || options === null) {
    throw wrongMake("what is passed", "an object of options");
  }
  const { signal, events } = options;
  if (isGiven(signal) && !(signal instanceof AbortSignal)) {
    throw wrongMake("signal", "an AbortSignal");
  }
  if (isGiven(events) && !(events instanceof EventEmitter)) {
    throw wrongMake("events", "an EventEmitter of this library");
  }
  return options;
}

/** `null` counts as not given, as in the settings. */
function isGiven(option: unknown): boolean {
  return option !== undefined && option !== null;
}

function wrongMake(what: string, wanted: string): TypeError {
  return new TypeError(`Cannot start a pool: ${what} must be ${wanted}`);
}
