/**
 * Hangs workers in every way there is, and measures how long it takes until
 * that is noticed and a replacement is ready, with the default settings (but
 * for the time to drain) and requests coming all the while.
 *
 * `deno run -A bench/hang.ts [--rounds N] [--ways NAMES]`
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import {
  type PoolEvent,
  type RunningPool,
  startPool,
  type WorkerUnhealthyEvent,
} from "../mod.ts";
import { aligned, figure } from "./support/figures.ts";
import { named, parseFlags, positive } from "./support/options.ts";

const WORKER = fileURLToPath(
  new URL("../test/fixtures/hanging_worker.mjs", import.meta.url),
);

/** Longer than the interval of the probes, so that they have got out of step. */
const WARM_UP_MS = 3_000;

/** Pause between two requests of the background load, in milliseconds. */
const REQUEST_PAUSE_MS = 20;

/** A way for a worker to hang. */
interface Way {
  readonly name: string;
  /** Has one worker hang; rejects or waits for ever as its request does. */
  hang(pool: RunningPool): void;
}

const WAYS: readonly Way[] = [
  { name: "blocked loop", hang: (pool) => send(pool, "/block") },
  { name: "SIGSTOP", hang: stopFirst },
  { name: "deadlock", hang: (pool) => send(pool, "/deadlock") },
  { name: "mute", hang: (pool) => send(pool, "/mute") },
];

/** What came of one hang. */
interface Outcome {
  readonly unhealthy: WorkerUnhealthyEvent;
  readonly unhealthyMs: number;
  readonly replacedMs: number;
  readonly answered: number;
  readonly failed: number;
  readonly slowestMs: number;
}

/** A POST, which is not sent again whatever becomes of it. */
function send(pool: RunningPool, path: string): void {
  // Its failure is what is wanted.
  fetch(pool.url + path, { method: "POST" }).then(
    (response) => response.body?.cancel(),
    () => {},
  );
}

function stopFirst(pool: RunningPool): void {
  Deno.kill(pool.metrics().workers[0]!.pid!, "SIGSTOP");
}

async function measure(way: Way): Promise<Outcome> {
  await using pool = await startPool({
    port: 0,
    workerPort: 0,
    command: ["node", WORKER],
    // The end of a run is not what is measured.
    drainTimeoutMs: 1_000,
  });
  await delay(WARM_UP_MS);
  const replaced = replacement(pool);
  const startedAt = performance.now();
  way.hang(pool);
  const load = new Load(pool.url);
  const { unhealthy, unhealthyAt, readyAt } = await replaced;
  const figures = await load.stop();
  return {
    unhealthy,
    unhealthyMs: unhealthyAt - startedAt,
    replacedMs: readyAt - startedAt,
    ...figures,
  };
}

/** Resolves when a worker has been found unhealthy and another is ready in its slot. */
function replacement(pool: RunningPool): Promise<{
  unhealthy: WorkerUnhealthyEvent;
  unhealthyAt: number;
  readyAt: number;
}> {
  return new Promise((resolve) => {
    let unhealthy: WorkerUnhealthyEvent | null = null;
    let unhealthyAt = 0;
    pool.events.subscribe((event: PoolEvent) => {
      const now = performance.now();
      if (event.type === "worker-unhealthy") {
        unhealthy = event;
        unhealthyAt = now;
      } else if (
        event.type === "worker-ready" &&
        event.workerId === unhealthy?.workerId
      ) {
        resolve({ unhealthy, unhealthyAt, readyAt: now });
      }
    });
  });
}

/** GET requests, one after the other has been sent. */
class Load {
  readonly #url: string;
  readonly #pending = new Set<Promise<void>>();
  readonly #task: Promise<void>;
  #stopping = false;
  #answered = 0;
  #failed = 0;
  #slowestMs = 0;

  constructor(url: string) {
    this.#url = url;
    this.#task = this.#run();
  }

  /** Sends no more, waits for what is under way, and returns what came of it. */
  async stop(): Promise<
    Pick<Outcome, "answered" | "failed" | "slowestMs">
  > {
    this.#stopping = true;
    await this.#task;
    await Promise.all(this.#pending);
    return {
      answered: this.#answered,
      failed: this.#failed,
      slowestMs: this.#slowestMs,
    };
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const request = this.#ask().finally(() => this.#pending.delete(request));
      this.#pending.add(request);
      await delay(REQUEST_PAUSE_MS);
    }
  }

  async #ask(): Promise<void> {
    const startedAt = performance.now();
    try {
      const response = await fetch(this.#url);
      await response.body?.cancel();
      if (response.ok) this.#answered++;
      else this.#failed++;
    } catch {
      this.#failed++;
    }
    const tookMs = performance.now() - startedAt;
    this.#slowestMs = Math.max(this.#slowestMs, tookMs);
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function row(way: Way, outcome: Outcome): readonly string[] {
  const { unhealthy } = outcome;
  const suspect = unhealthy.oldestRequest;
  return [
    way.name,
    seconds(outcome.unhealthyMs),
    seconds(outcome.replacedMs),
    unhealthy.diagnosis,
    figure((unhealthy.cpuRatio ?? NaN) * 100, 0, " %"),
    suspect === null ? "-" : `${suspect.method} ${suspect.path}`,
    String(outcome.answered),
    String(outcome.failed),
    seconds(outcome.slowestMs),
  ];
}

function seconds(ms: number): string {
  return figure(ms / 1000, 2, " s");
}

async function main(): Promise<void> {
  const flags = parseFlags(Deno.args, {
    rounds: { type: "string", default: "2" },
    ways: { type: "string" },
  });
  const rows: (readonly string[])[] = [[
    "worker",
    "noticed",
    "replaced",
    "diagnosis",
    "CPU",
    "suspect",
    "GETs answered",
    "failed",
    "slowest",
  ]];
  for (const way of named("--ways", WAYS, flags.ways)) {
    for (let n = positive("--rounds", flags.rounds); n > 0; n--) {
      rows.push(row(way, await measure(way)));
    }
  }
  for (const line of aligned(rows)) console.log(line);
}

if (import.meta.main) await main();
