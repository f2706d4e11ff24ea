/**
 * What pre-forking saves: the first answer of a worker started for one request,
 * beside the answer of a pool whose workers are already running.
 *
 * Both sides send the same request in the same way, each on a connection of its
 * own as curl does, so the warm side pays for a connection and for the balancer
 * in between. The pool is the real one, a process of its own.
 *
 * Settings: ITERATIONS, and those of the pool: POOL_SIZE, PORT (here any free one
 * by default), HEALTH_PATH (what is requested), and what chooses the worker.
 * `scripts/bench_prefork.sh` runs it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../src/config/config_error.ts";
import { loadConfig } from "../src/config/load_config.ts";
import {
  fillPlaceholders,
  workerEnvironment,
} from "../src/pool/worker_command.ts";
import { type Child, Children } from "./children.ts";

/** As many as the original figures, 71 ms and 30 ms, are the averages of. */
const DEFAULT_ITERATIONS = 20;
/** Longest life of a worker started for one request. */
const COLD_TIMEOUT_MS = 30_000;
/** Longest life of the pool, its start included. */
const WARM_TIMEOUT_MS = 120_000;
/** Between two attempts to reach a starting worker: the error of a cold figure. */
const COLD_POLL_MS = 1;
/** Between two looks at how many workers of the pool are ready. */
const WARM_POLL_MS = 50;
/** Exit code, as a shell counts it: 128 + SIGINT. */
const INTERRUPTED = 130;

const BALANCER = fileURLToPath(
  new URL("../tools/prefork-pool.ts", import.meta.url),
);

/** What is measured, on which worker. */
interface Plan {
  readonly iterations: number;
  readonly poolSize: number;
  /** Port of the pool. */
  readonly port: number;
  /** Path that is requested. */
  readonly path: string;
  /** Program and arguments of a worker, placeholders not yet filled in. */
  readonly argv: readonly string[];
}

/** What one side took, in milliseconds. */
interface Summary {
  readonly average: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

function summarize(timesMs: readonly number[]): Summary {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const count = sorted.length;
  const at = (index: number): number => sorted[Math.floor(index)] ?? NaN;
  return {
    average: sorted.reduce((sum, ms) => sum + ms, 0) / count,
    median: (at((count - 1) / 2) + at(count / 2)) / 2,
    min: at(0),
    max: at(count - 1),
    count,
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A port that is free at this moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** One answer. */
interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Sends one request on a connection of its own, and reads the whole answer.
 *
 * It has no deadline itself: the process it waits for has, and with that
 * process its connection ends.
 *
 * @returns The answer, or `null` while nobody listens.
 */
async function request(port: number, path: string): Promise<Answer | null> {
  try {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`,
    ));
    const parts: Uint8Array[] = [];
    const buffer = new Uint8Array(16_384);
    for (let n = await conn.read(buffer); n; n = await conn.read(buffer)) {
      parts.push(buffer.slice(0, n));
    }
    const text = Buffer.concat(parts).toString("latin1");
    const status = text.match(/^HTTP\/1\.[01] (\d{3})/)?.[1];
    if (status === undefined) return null;
    const body = text.slice(text.indexOf("\r\n\r\n") + 4);
    return { status: Number(status), body };
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return null;
    if (error instanceof Deno.errors.ConnectionReset) return null;
    throw error;
  }
}

/** Asks for `path` until there is an answer below 500, or `child` has ended. */
async function firstAnswer(
  child: Child,
  { port, path, pollMs }: { port: number; path: string; pollMs: number },
): Promise<Answer> {
  while (true) {
    const answer = await request(port, path);
    if (answer && answer.status < 500) return answer;
    if (child.status) {
      const { code, signal } = child.status;
      throw new Error(
        signal ? `was ended by ${signal}` : `exited with code ${code}`,
      );
    }
    await delay(pollMs);
  }
}

/** Starts a worker for one request, over and over. Returns the times in ms. */
async function measureCold(plan: Plan, children: Children): Promise<number[]> {
  const timesMs: number[] = [];
  while (timesMs.length < plan.iterations) {
    const port = freePort();
    const identity = { id: 0, port, generation: 1 };
    const argv = fillPlaceholders(plan.argv, identity);
    try {
      const startedAt = performance.now();
      const worker = children.spawn(argv, {
        env: workerEnvironment(identity),
        timeoutMs: COLD_TIMEOUT_MS,
      });
      await firstAnswer(worker, {
        port,
        path: plan.path,
        pollMs: COLD_POLL_MS,
      });
      timesMs.push(performance.now() - startedAt);
      await worker.stop("SIGKILL");
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new Error(
        `Cannot measure a cold start: "${argv.join(" ")}" ${what} ` +
          `before it answered on port ${port}.`,
      );
    }
  }
  return timesMs;
}

/** Starts the pool, waits until it is complete, and only then measures. */
async function measureWarm(plan: Plan, children: Children): Promise<number[]> {
  const { port, poolSize } = plan;
  const pool = children.spawn([
    Deno.execPath(),
    "run",
    "--allow-net",
    "--allow-run",
    "--allow-env",
    BALANCER,
    "--",
    ...plan.argv,
  ], {
    env: {
      PORT: String(port),
      HOST: "127.0.0.1",
      WORKER_PORT: "0",
      POOL_SIZE: String(poolSize),
      // A fixed pool: scaling would start processes while we measure.
      MIN_WORKERS: String(poolSize),
      MAX_WORKERS: String(poolSize),
      ADMIN_PORT: "",
      LOG_LEVEL: "warning",
    },
    timeoutMs: WARM_TIMEOUT_MS,
  });
  try {
    await complete(pool, plan);
    const timesMs: number[] = [];
    while (timesMs.length < plan.iterations) {
      const startedAt = performance.now();
      const answer = await request(port, plan.path);
      timesMs.push(performance.now() - startedAt);
      if (answer === null || answer.status >= 500) {
        throw new Error(`answered ${answer?.status ?? "nothing"}`);
      }
    }
    return timesMs;
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot measure the warm pool: it ${what}.`);
  } finally {
    await pool.stop("SIGTERM");
  }
}

/** Resolves when every worker of the pool is ready. */
async function complete(pool: Child, { port, poolSize }: Plan): Promise<void> {
  while (true) {
    const { body } = await firstAnswer(pool, {
      port,
      path: "/_metrics",
      pollMs: WARM_POLL_MS,
    });
    if (JSON.parse(body).pool.ready >= poolSize) return;
    await delay(WARM_POLL_MS);
  }
}

/** `71000us (71ms)`; below 10 ms with a decimal, or the second figure says nothing. */
function format(us: number): string {
  const ms = us / 1000;
  return `${us}us (${ms.toFixed(Math.abs(ms) < 10 ? 1 : 0)}ms)`;
}

function detail({ median, min, max, count }: Summary): string {
  const [mid, low, high] = [median, min, max].map((ms) => ms.toFixed(2));
  return `median ${mid} ms, min ${low}, max ${high}, of ${count} requests`;
}

/** The report. Its first four figures are averages, as the original ones were. */
function report(plan: Plan, cold: Summary, warm: Summary): string {
  const coldUs = Math.round(cold.average * 1000);
  const warmUs = Math.round(warm.average * 1000);
  const savedUs = coldUs - warmUs;
  return [
    `Worker: ${plan.argv.join(" ")}`,
    `Request: GET ${plan.path}, each on a new connection`,
    `Pool: ${plan.poolSize} workers`,
    "",
    `Baseline (cold start): ${format(coldUs)}`,
    `Pre-fork pool (warm): ${format(warmUs)}`,
    `Improvement: ${format(savedUs)} per request`,
    `Reduction: ${(100 * savedUs / coldUs).toFixed(1)}%`,
    "",
    `Cold start  ${detail(cold)}`,
    `Warm pool   ${detail(warm)}`,
  ].join("\n");
}

function planFrom(args: readonly string[]): Plan {
  const env = {
    // Any free port, so that a pool that is running already is not in the way.
    get: (name: string): string | undefined =>
      Deno.env.get(name) || (name === "PORT" ? "0" : undefined),
  };
  const invocation = loadConfig({ args, env });
  if (invocation.action !== "run") {
    throw new TypeError(
      `Cannot take --${invocation.action}: this measures and does nothing else.`,
    );
  }
  const text = Deno.env.get("ITERATIONS") || String(DEFAULT_ITERATIONS);
  const iterations = Number(text);
  if (!Number.isSafeInteger(iterations) || iterations < 1) {
    throw new TypeError(
      `Cannot use ITERATIONS=${text}: it must be a whole number above 0.`,
    );
  }
  const { poolSize, port, healthPath, workerCommand } = invocation.config;
  return {
    iterations,
    poolSize,
    port: port || freePort(),
    path: healthPath,
    argv: workerCommand.argv,
  };
}

/** Measures and prints; returns the exit code. */
async function main(children: Children): Promise<number> {
  try {
    const plan = planFrom(Deno.args);
    const cold = summarize(await measureCold(plan, children));
    const warm = summarize(await measureWarm(plan, children));
    console.log(report(plan, cold, warm));
    return 0;
  } catch (error) {
    // Interrupted: what failed, failed because we ended it.
    if (children.ended) return INTERRUPTED;
    console.error(error instanceof Error ? error.message : error);
    return error instanceof ConfigError || error instanceof TypeError ? 2 : 1;
  } finally {
    await children.end();
  }
}

if (import.meta.main) {
  const children = new Children();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => void children.end());
  }
  Deno.exit(await main(children));
}
