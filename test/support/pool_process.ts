/**
 * The pool as a user starts it: a process of its own, seen through its log,
 * its port and its signals.
 *
 * Knows nothing of the pool's insides. With SHOW_POOL_LOG set, each pool's log
 * is printed when its test ends.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { PoolEvent, TransportName } from "../../src/events/mod.ts";
import { Changes } from "./changes.ts";
import { DEFAULT_DEADLINE_MS, withDeadline } from "./deadline.ts";
import { libraryPaths } from "../../src/transport/epoll/abi.ts";
import { parseEvent, readLines } from "./pool_log.ts";
import type { PoolMetrics } from "./pool_metrics.ts";
import { aliveAmong, childrenOf, waitUntilGone } from "./processes.ts";
import { RawClient } from "./raw_client.ts";

const PROGRAM = fileURLToPath(
  new URL("../../tools/prefork-pool.ts", import.meta.url),
);

/** The permissions of the original unit: enough for everything but per-worker memory. */
const DEFAULT_PERMISSIONS = ["--allow-net", "--allow-run", "--allow-env"];

/** Whether pools are to serve on epoll, where that is possible. */
const ON_EPOLL = Deno.env.get("TEST_TRANSPORT") === "epoll";

/** What that takes beside: to call the C library, and to read what the thread runs. */
const EPOLL_PERMISSIONS = ON_EPOLL
  ? [
    `--allow-ffi=${libraryPaths(Deno.build).join(",")}`,
    `--allow-read=${fileURLToPath(new URL("../../src/", import.meta.url))}`,
  ]
  : [];

/** TLS and unix sockets are the runtime's: in settings, and as flags. */
const RUNTIME_ONLY = /^(--cert=|--cert$|unix:|--host=unix:)/;

/** How long what a dead pool wrote may take to arrive, where somebody still holds its pipes. */
const OUTPUT_DEADLINE_MS = 10_000;

/**
 * Where tests depart from the defaults. What would happen by itself on a busy
 * machine (a worker that runs is thought to hang, a test that takes long is
 * scaled) happens only where a test asks for it.
 */
const TEST_SETTINGS = {
  PORT: "0",
  WORKER_PORT: "0",
  HOST: "127.0.0.1",
  LOG_FORMAT: "json",
  // The least important level: not all events are for people.
  LOG_LEVEL: "debug",
  HEALTH_TIMEOUT_MS: "60000",
  QUEUE_TIMEOUT_MS: "60000",
  SCALE_INTERVAL_MS: "3600000",
};

/**
 * Settings for tests that kill workers: a killed worker refuses connections
 * before its end is noticed, and is not to be judged for that.
 */
export const UNJUDGED = {
  HEALTH_INTERVAL_MS: "3600000",
  HEALTH_FALL: "100000",
} as const;

/**
 * Settings for tests in which a reload is on the way to something else: where
 * nobody asks, a new worker would be tried out for a second.
 */
export const UNTRIED = { RELOAD_CANARY_REQUESTS: "0" } as const;

/**
 * What of the developer's environment a pool gets: what Deno and the workers
 * need to run, none of what the pool reads as a setting.
 */
const INHERITED =
  /^(PATH|HOME|USER|LANG|LC_.*|TMPDIR|XDG_CACHE_HOME|DENO_DIR|DENO_CERT|NPM_CONFIG_.*)$/i;

/** How to start a pool. */
export interface StartPoolOptions {
  /** Settings that differ from {@linkcode TEST_SETTINGS}. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of the pool. */
  readonly args?: readonly string[];
  /** What to run as worker, after `--`. @default {the embedded demo application} */
  readonly command?: readonly string[];
  /** What starts the program. @default {Deno, with the permissions below} */
  readonly program?: readonly string[];
  /** Deno's permission flags. @default {["--allow-net", "--allow-run", "--allow-env"]} */
  readonly permissions?: readonly string[];
  /** Files it and each of its workers may have open; both limits are set. @default {those of the test} */
  readonly maxOpenFiles?: number;
  /** Its working directory. @default {that of the test} */
  readonly cwd?: string;
  /** Longest wait for the state `serving`. @default {60000} */
  readonly deadlineMs?: number;
}

/** How to wait for something in the log. */
export interface WaitOptions {
  /** @default {60000} */
  readonly deadlineMs?: number;
  /** Events before this index of {@linkcode PoolProcess.events} do not count. @default {0} */
  readonly from?: number;
}

/** How to wait for an event of one type. */
export interface WaitForEventOptions<E extends PoolEvent> extends WaitOptions {
  /** Which of them. @default {any} */
  readonly where?: (event: E) => boolean;
}

/** The event of this type. */
export type EventOf<T extends PoolEvent["type"]> = PoolEvent & {
  readonly type: T;
};

/**
 * Starts a pool and waits until it serves.
 *
 * @throws {Error} with the pool's log when it does not come to serve.
 *
 * @example
 * ```ts ignore
 * await using pool = await startPool({ env: { POOL_SIZE: "2" } });
 * const response = await fetch(pool.url);
 * ```
 */
export async function startPool(
  options: StartPoolOptions = {},
): Promise<PoolProcess> {
  // deno-lint-ignore no-undef -- newer than the linter's list of globals.
  await using cleanup = new AsyncDisposableStack();
  const pool = cleanup.use(spawnPool(options));
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  await pool.waitForEvent("listening", {
    deadlineMs,
    where: (event) => event.role === "public",
  });
  await pool.waitForEvent("state-changed", {
    deadlineMs,
    where: (event) => event.to === "serving",
  });
  cleanup.move();
  return pool;
}

/** Starts a pool and waits for nothing: for pools that are not to come to serve. */
export function spawnPool(options: StartPoolOptions = {}): PoolProcess {
  const transport = transportOf(options);
  const [program = "", ...args] = [
    ...limitedTo(options.maxOpenFiles),
    ...options.program ?? [
      Deno.execPath(),
      "run",
      "--quiet",
      ...permissionsOf(options),
      PROGRAM,
    ],
    ...options.args ?? [],
    ...options.command === undefined ? [] : ["--", ...options.command],
  ];
  const child = new Deno.Command(program, {
    args,
    ...options.cwd === undefined ? {} : { cwd: options.cwd },
    clearEnv: true,
    env: {
      ...inheritedEnvironment(),
      ...TEST_SETTINGS,
      ...(transport !== null && { TRANSPORT: transport }),
      ...options.env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new PoolProcess(child);
}

/** A running pool. */
export class PoolProcess implements AsyncDisposable {
  /** Ends with the process; never rejects. */
  readonly status: Promise<Deno.CommandStatus>;
  /** What the pool has logged so far, as the events it stands for. */
  readonly events: readonly PoolEvent[];

  readonly #child: Deno.ChildProcess;
  readonly #disposeDeadlineMs: number;
  readonly #events: PoolEvent[] = [];
  readonly #log: string[] = [];
  readonly #changes = new Changes();

  /** Takes over a child whose output is piped. */
  constructor(
    child: Deno.ChildProcess,
    disposeDeadlineMs: number = DEFAULT_DEADLINE_MS,
  ) {
    this.#child = child;
    this.#disposeDeadlineMs = disposeDeadlineMs;
    this.events = this.#events;
    this.status = this.#watch();
  }

  /** Process id of the balancer. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Everything the pool has written, for a person to read. */
  get logs(): string {
    return this.#log.join("\n");
  }

  /** Port it serves clients on. @throws {Error} before it listens. */
  get port(): number {
    for (const event of this.#events) {
      if (event.type === "listening" && event.role === "public") {
        return event.port;
      }
    }
    throw this.#error("Cannot tell the port: the pool does not listen");
  }

  /** Where it serves clients, without a slash at the end. @throws {Error} before it listens. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Process ids of all workers ever started. */
  get workerPids(): number[] {
    const pids = this.#events.flatMap((event) =>
      event.type === "worker-spawned" ? [event.pid] : []
    );
    return [...new Set(pids)];
  }

  /** The first event, past ones included, that satisfies `predicate`. */
  waitFor(
    predicate: (event: PoolEvent) => boolean,
    options: WaitOptions = {},
  ): Promise<PoolEvent> {
    return this.#find(
      predicate,
      `an event with ${predicate}`,
      options,
    );
  }

  /** The first event of a type, past ones included. */
  async waitForEvent<T extends PoolEvent["type"]>(
    type: T,
    options: WaitForEventOptions<EventOf<T>> = {},
  ): Promise<EventOf<T>> {
    const where = options.where ?? ((): boolean => true);
    const event = await this.#find(
      (event) => event.type === type && where(event as EventOf<T>),
      `"${type}"${options.where === undefined ? "" : ` with ${options.where}`}`,
      options,
    );
    return event as EventOf<T>;
  }

  /** The first line the pool has written, past ones included, that matches: for LOG_FORMAT=text. */
  async waitForLine(
    pattern: RegExp,
    options: Pick<WaitOptions, "deadlineMs"> = {},
  ): Promise<RegExpExecArray> {
    try {
      return await this.#changes.until(
        () =>
          this.#log.map((line) => pattern.exec(line)).find((m) => m) ??
            undefined,
        {
          deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS,
          describe: () => "It did not come",
        },
      );
    } catch (error) {
      throw this.#error(`Cannot see ${pattern} in what the pool writes`, error);
    }
  }

  /** What `/_metrics` answers now; before the pool has said its port, name it. */
  async metrics(port: number = this.port): Promise<PoolMetrics> {
    // Closed afterwards: an idle connection would show in the figures.
    await using client = await RawClient.connect({ port });
    const response = await client.ask(
      "GET /_metrics HTTP/1.1\r\nHost: localhost\r\n" +
        "Accept: application/json\r\nConnection: close\r\n\r\n",
    );
    if (response.status !== 200) {
      throw this.#error(
        `Cannot read /_metrics: ${response.startLine} "${response.text}"`,
      );
    }
    return JSON.parse(new TextDecoder().decode(response.body));
  }

  /** Sends a signal; nothing happens when the process has ended. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // Deno's way of saying that the child has ended.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Asks the pool to end and waits until it has. */
  async stop(
    signal: Deno.Signal = "SIGTERM",
    deadlineMs: number = DEFAULT_DEADLINE_MS,
  ): Promise<Deno.CommandStatus> {
    this.signal(signal);
    try {
      return await withDeadline(
        this.status,
        deadlineMs,
        () => "It goes on running",
      );
    } catch (error) {
      throw this.#error(`Cannot stop the pool with ${signal}`, error);
    }
  }

  /** Ends the balancer with SIGKILL. Its workers are to end by themselves. */
  kill(): Promise<Deno.CommandStatus> {
    return this.stop("SIGKILL");
  }

  /**
   * Ends the pool, whatever its state, and sees to it that nothing of it runs.
   *
   * @throws {Error} with the log when it had to be killed, or when workers outlived it.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const pids = new Set([...this.workerPids, ...await childrenOf(this.pid)]);
    if (Deno.env.has("SHOW_POOL_LOG")) console.error(this.logs);
    try {
      await this.stop("SIGTERM", this.#disposeDeadlineMs);
    } finally {
      await this.kill();
      await this.#endWorkers(new Set([...pids, ...this.workerPids]));
    }
  }

  async #endWorkers(pids: ReadonlySet<number>): Promise<void> {
    try {
      await waitUntilGone(pids, this.#disposeDeadlineMs);
    } catch (error) {
      for (const pid of await aliveAmong(pids)) Deno.kill(pid, "SIGKILL");
      throw this.#error("Workers have outlived the pool", error);
    }
  }

  async #watch(): Promise<Deno.CommandStatus> {
    const abort = new AbortController();
    const output = Promise.allSettled([
      readLines(this.#child.stdout, (line) => this.#log.push(line), abort),
      readLines(this.#child.stderr, (line) => this.#take(line), abort),
    ]);
    const status = await this.#child.status;
    // A worker that outlives the pool and holds its pipes must not hold us.
    const timer = setTimeout(
      () => abort.abort(),
      Math.min(OUTPUT_DEADLINE_MS, this.#disposeDeadlineMs),
    );
    await output;
    clearTimeout(timer);
    this.#changes.fail(
      new Error(`The pool ended with ${status.signal ?? status.code}`),
    );
    return status;
  }

  #take(line: string): void {
    this.#log.push(line);
    const event = parseEvent(line);
    if (event !== null) this.#events.push(event);
    this.#changes.notify();
  }

  async #find(
    predicate: (event: PoolEvent) => boolean,
    wanted: string,
    options: WaitOptions,
  ): Promise<PoolEvent> {
    const from = options.from ?? 0;
    try {
      return await this.#changes.until(
        () =>
          this.#events.find((event, index) =>
            index >= from && predicate(event)
          ),
        {
          deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS,
          describe: () => "It did not come",
        },
      );
    } catch (error) {
      throw this.#error(`Cannot see ${wanted} in the pool's log`, error);
    }
  }

  #error(message: string, cause?: unknown): Error {
    const reason = cause instanceof Error ? `: ${cause.message}` : "";
    return new Error(
      `${message}${reason}\n--- log of the pool ---\n${this.logs}\n---`,
      { cause },
    );
  }
}

/** What this pool is to serve on; `null` leaves it to the pool. */
function transportOf(options: StartPoolOptions): TransportName | null {
  const { env, args, permissions, program } = options;
  if (program !== undefined) return null;
  if (!ON_EPOLL || env?.["SERVER_CERT_PATH"] !== undefined) return "deno";
  if ([env?.["HOST"] ?? "", ...args ?? []].some((w) => RUNTIME_ONLY.test(w))) {
    return "deno";
  }
  const permitted = permissions === undefined || permissions.includes("-A");
  return permitted ? "epoll" : "deno";
}

function permissionsOf(options: StartPoolOptions): readonly string[] {
  if (options.permissions !== undefined) return options.permissions;
  return transportOf(options) === "epoll"
    ? [...DEFAULT_PERMISSIONS, ...EPOLL_PERMISSIONS]
    : DEFAULT_PERMISSIONS;
}

/** What to put before a command so that it has the limit. */
function limitedTo(maxOpenFiles: number | undefined): readonly string[] {
  if (maxOpenFiles === undefined) return [];
  return ["sh", "-c", `ulimit -n ${maxOpenFiles}; exec "$0" "$@"`];
}

function inheritedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) =>
      INHERITED.test(name)
    ),
  );
}
