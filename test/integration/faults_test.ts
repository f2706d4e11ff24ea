/**
 * What fails, and what its client gets, while others are served: the table of
 * docs/faults.md.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/deadline.ts";
import { fixture } from "../support/fixture.ts";
import { CutMessageError } from "../support/http_message.ts";
import { get, post, postHead } from "../support/message_text.ts";
import {
  type PoolProcess,
  startPool,
  UNJUDGED,
} from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { RawClient } from "../support/raw_client.ts";

/** Descriptors are counted in /proc. */
const ignored = Deno.build.os !== "linux" || ignoreWithout("node");

/**
 * Neither probes nor scaling: nothing else changes what is open. Nor a queue:
 * clients that leave it have others turned away.
 */
const QUIET = {
  ...UNJUDGED,
  POOL_SIZE: "3",
  MIN_WORKERS: "3",
  MAX_WORKERS: "3",
};

/** Ends what stalls while the test waits, and nothing that is only slow. */
const SHORT_TIMEOUTS = { REQUEST_TIMEOUT_MS: "3000", BODY_TIMEOUT_MS: "3000" };

/** Clients that ask for what does not fail, one request after another. */
const BYSTANDERS = 8;

/** How often each fault happens, and as often with each method. */
const ROUNDS = 3;

/** What clients of a worker that fails see: the status, `cut` behind it when the body breaks off. */
const WORKER_FAULTS: Readonly<
  Record<string, { get: string; post: string; retries: number }>
> = {
  "/close": { get: "502", post: "502", retries: 2 },
  "/reset": { get: "502", post: "502", retries: 2 },
  "/head-close": { get: "502", post: "502", retries: 0 },
  "/head-reset": { get: "502", post: "502", retries: 0 },
  "/body-close": { get: "200 cut", post: "200 cut", retries: 0 },
  "/body-reset": { get: "200 cut", post: "200 cut", retries: 0 },
  "/chunk-close": { get: "200 cut", post: "200 cut", retries: 0 },
  "/chunk-reset": { get: "200 cut", post: "200 cut", retries: 0 },
  "/garbage": { get: "502", post: "502", retries: 0 },
  "/chunk-garbage": {
    get: "200 cut or 502",
    post: "200 cut or 502",
    retries: 0,
  },
  "/too-much": { get: "200", post: "200", retries: 0 },
  "/early": { get: "200", post: "200", retries: 0 },
  "/stall": { get: "504", post: "504", retries: 0 },
  "/body-stall": { get: "200 cut", post: "200 cut", retries: 0 },
};

/** What a client has sent and read when it goes. */
const CLIENT_FAULTS: Readonly<Record<string, { send: string; read?: string }>> =
  {
    "before its request": { send: "" },
    "within its head": { send: "GET / HTTP/1.1\r\nHo" },
    "within its body": {
      send: `${postHead("/", "Content-Length: 10")}12345`,
    },
    "within a chunk": {
      send: `${postHead("/", "Transfer-Encoding: chunked")}a\r\n12345`,
    },
    "while it waits": { send: get("/stall") },
    "within its answer": { send: get("/body-stall"), read: "xxx" },
    "with a second request under way": { send: get("/stall") + get("/") },
  };

/** A directory whose one file holds the effects of requests. */
class EffectsFile implements Disposable {
  readonly #directory = Deno.makeTempDirSync();
  readonly path: string = `${this.#directory}/effects`;

  constructor() {
    Deno.writeTextFileSync(this.path, "");
  }

  read(): string[] {
    return Deno.readTextFileSync(this.path).split("\n").slice(0, -1);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

/** Asks for what does not fail until it is told to stop; counts what it got, by method and outcome. */
class Bystanders {
  readonly outcomes: Record<string, number> = {};
  /** Bodies that were answered with 200. */
  readonly answered: string[] = [];
  readonly #port: number;
  readonly #name: string;
  readonly #running: Promise<void>[] = [];
  #stopped = false;

  constructor(port: number, name: string) {
    this.#port = port;
    this.#name = name;
    for (let client = 0; client < BYSTANDERS; client++) {
      this.#running.push(this.#run(client));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #run(client: number): Promise<void> {
    for (let round = 0; !this.#stopped; round++) {
      await using connection = await RawClient.connect({ port: this.#port });
      // A few on each connection: new ones are a part of the load.
      for (let turn = 0; turn < 5 && !this.#stopped; turn++) {
        const key = `${this.#name}-${client}-${round}-${turn}`;
        const isPost = (client + turn) % 2 === 0;
        const outcome = await ask(
          connection,
          isPost ? post("/", key) : get("/"),
        );
        const name = `${isPost ? "POST" : "GET"} ${outcome}`;
        this.outcomes[name] = (this.outcomes[name] ?? 0) + 1;
        if (isPost && outcome === "200") this.answered.push(key);
        if (outcome.endsWith("cut")) break;
      }
    }
  }
}

/** The status, and whether the body broke off; `gone` without an answer. */
async function ask(client: RawClient, request: string): Promise<string> {
  try {
    return String((await client.ask(request)).status);
  } catch (error) {
    if (!(error instanceof CutMessageError)) throw error;
    const status = error.partial?.startLine.split(" ")[1];
    return status === undefined ? "gone" : `${status} cut`;
  }
}

async function openDescriptors(pool: PoolProcess): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pool.pid}/fd`)) count++;
  return count;
}

/** How many descriptors the balancer has open when nothing is under way. */
async function idleDescriptors(pool: PoolProcess): Promise<number> {
  return await eventually(async () => {
    const { connections, inFlight } = await pool.metrics();
    // The connection that asks is a client too.
    assert.deepEqual(
      [connections.upstreamIdle, connections.client, inFlight],
      [0, 1, 0],
    );
    return await openDescriptors(pool);
  });
}

async function startFaultyPool(
  effects: EffectsFile,
  env: Readonly<Record<string, string>>,
): Promise<PoolProcess> {
  return await startPool({
    env: { ...QUIET, ...env },
    command: ["node", fixture("faulty_worker.mjs"), effects.path],
  });
}

Deno.test({
  name:
    "what a worker or a client does wrong is its own affair, and leaves nothing open (needs node and /proc)",
  ignore: ignored,
  async fn(): Promise<void> {
    using effects = new EffectsFile();
    await using pool = await startFaultyPool(effects, SHORT_TIMEOUTS);
    const warm = new Bystanders(pool.port, "before");
    await eventually(async () =>
      assert.ok((await pool.metrics()).totalRequests > 200)
    );
    await warm.stop();
    const descriptors = await idleDescriptors(pool);

    const bystanders = new Bystanders(pool.port, "during");
    const { retries: before } = await pool.metrics();
    const [seen] = await Promise.all([
      meetWorkerFaults(pool),
      commitClientFaults(pool),
    ]);
    await bystanders.stop();

    for (const [target, expected] of Object.entries(WORKER_FAULTS)) {
      for (const method of ["get", "post"] as const) {
        for (const outcome of seen[`${method} ${target}`] ?? ["nothing"]) {
          assert.ok(
            expected[method].split(" or ").includes(outcome),
            `${method} ${target}: ${outcome}`,
          );
        }
      }
    }
    const { retries } = await eventually(async () => {
      const metrics = await pool.metrics();
      // What a client has left behind ends by its timeout.
      assert.equal(metrics.inFlight, 0);
      return metrics;
    });
    const expectedRetries = Object.values(WORKER_FAULTS)
      .reduce((sum, fault) => sum + fault.retries * ROUNDS, 0);
    assert.equal(retries - before, expectedRetries);
    assert.deepEqual(Object.keys(bystanders.outcomes).sort(), [
      "GET 200",
      "POST 200",
    ]);
    assertOnce(effects, [...warm.answered, ...bystanders.answered]);
    await eventually(async () =>
      assert.ok(await idleDescriptors(pool) <= descriptors)
    );
  },
});

/** Lets each fault happen to a GET and to a POST; the outcomes by both. */
async function meetWorkerFaults(
  pool: PoolProcess,
): Promise<Record<string, string[]>> {
  const seen: Record<string, string[]> = {};
  const requests = Object.keys(WORKER_FAULTS).flatMap((target) => [
    [`get ${target}`, get(target)],
    [`post ${target}`, post(target, `fault-${target}`)],
  ]);
  // All rounds at once: those that stall take their time.
  const all = Array.from({ length: ROUNDS }, () => requests).flat();
  await Promise.all(all.map(async ([name, request]) => {
    await using client = await RawClient.connect({ port: pool.port });
    (seen[name!] ??= []).push(await ask(client, request!));
  }));
  return seen;
}

/** Lets a client go, in order and with a reset, wherever it can be. */
async function commitClientFaults(pool: PoolProcess): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    for (const end of ["close", "reset"] as const) {
      await Promise.all(
        Object.values(CLIENT_FAULTS).map(async ({ send, read }) => {
          await using client = await RawClient.connect({ port: pool.port });
          await client.send(send);
          if (read !== undefined) await client.readThrough(read);
          await client[end]();
        }),
      );
    }
  }
}

/** Each of `answered` has had its effect once, and nothing had it twice. */
function assertOnce(effects: EffectsFile, answered: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const effect of effects.read()) {
    if (effect.startsWith("fault-")) continue;
    counts.set(effect, (counts.get(effect) ?? 0) + 1);
  }
  const wrong = answered.filter((key) => counts.get(key) !== 1);
  const repeated = [...counts].filter(([, count]) => count > 1);
  assert.deepEqual([wrong, repeated], [[], []]);
}

Deno.test({
  name:
    "killing workers under load fails no GET, repeats no POST, and leaves nothing open (needs node and /proc)",
  ignore: ignored,
  async fn(): Promise<void> {
    using effects = new EffectsFile();
    await using pool = await startFaultyPool(effects, {});
    const warm = new Bystanders(pool.port, "before");
    await eventually(async () =>
      assert.ok((await pool.metrics()).totalRequests > 200)
    );
    await warm.stop();
    const descriptors = await idleDescriptors(pool);

    const bystanders = new Bystanders(pool.port, "during");
    for (let victim = 0; victim < 3; victim++) {
      const from = pool.events.length;
      Deno.kill((await pool.metrics()).workers[victim]!.pid, "SIGKILL");
      await pool.waitForEvent("worker-ready", { from });
    }
    await bystanders.stop();

    // A POST on its way to the worker that died is nobody's to repeat.
    const { "POST 502": lost = 0, ...others } = bystanders.outcomes;
    assert.deepEqual(Object.keys(others).sort(), ["GET 200", "POST 200"]);
    assert.ok(lost <= 3 * BYSTANDERS, String(lost));
    assertOnce(effects, [...warm.answered, ...bystanders.answered]);
    await eventually(async () =>
      assert.ok(await idleDescriptors(pool) <= descriptors)
    );
  },
});
