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

import { fileURLToPath } from "node:url";
import { ConfigError } from "../src/config/config_error.ts";
import { loadConfig } from "../src/config/load_config.ts";
import {
  fillPlaceholders,
  workerEnvironment,
} from "../src/pool/worker_command.ts";
import { type Child, Children } from "./children.ts";
import { delay, firstAnswer, freePort, request } from "./first_answer.ts";

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

/** What happened as a sentence, and what the process had to say about it. */
function failure(error: unknown, sentence: (what: string) => string): Error {
  const { message, cause } = error instanceof Error
    ? error
    : new Error(String(error));
  const said = typeof cause === "string" && cause !== "" ? `\n${cause}` : "";
  return new Error(sentence(message) + said);
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
      throw failure(
        error,
        (what) =>
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
      // Its log is ours to keep to ourselves, unless it fails.
      LOG_FORMAT: "text",
      WORKER_LOGS: "off",
      // Interrupted, nobody waits for what is in flight.
      DRAIN_TIMEOUT_MS: "0",
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
    throw failure(error, (what) => `Cannot measure the warm pool: it ${what}.`);
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

const HELP = `\
Usage: scripts/bench_prefork.sh [options] [-- command [args...]]

Measures the first response of a worker that is started for one request, and
beside it that of a pool whose workers are running already. Without a command
the demo application is the worker. Takes the settings of the pool, as options
and as variables; those that matter here:

  ITERATIONS      requests of each kind (default ${DEFAULT_ITERATIONS}; no option)
  POOL_SIZE       workers of the pool (default 4)
  HEALTH_PATH     what is requested (default /api/health)
  PORT            port of the pool (here any free one by default)
  WORKER_COMMAND, ZIGTTP_BIN, HANDLER_PATH
                  the worker, where no command follows --

Exit codes: 0 measured, 1 a worker does not serve, 2 unusable settings,
130 interrupted. However it ends, nothing it has started goes on running.`;

/** What is to be measured; `null` where only the help is asked for. */
function planFrom(args: readonly string[]): Plan | null {
  const env = {
    // Any free port, so that a pool that is running already is not in the way.
    get: (name: string): string | undefined =>
      Deno.env.get(name) || (name === "PORT" ? "0" : undefined),
  };
  const invocation = loadConfig({ args, env });
  if (invocation.action === "help") return null;
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
    if (plan === null) {
      console.log(HELP);
      return 0;
    }
    await children.ready;
    const cold = summarize(await measureCold(plan, children));
    const warm = summarize(await measureWarm(plan, children));
    // Nothing is reported that was interrupted, however far it had come.
    if (children.ended) return INTERRUPTED;
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
