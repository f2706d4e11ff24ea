/**
 * That all clients are listened to, however many are busy.
 *
 * @module
 */

import assert from "node:assert/strict";
import { lightOrigin } from "../../bench/support/light_origin.ts";
import { ReadScheduler } from "../../src/transport/deno/read_scheduler.ts";
import { DEFAULT_DEADLINE_MS } from "../support/deadline.ts";
import { fixture } from "../support/fixture.ts";
import { startPool } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";

Deno.test("with few clients nobody takes turns", () => {
  const load = { clientConnections: 128, awaitingResponse: 128 };
  const scheduler = new ReadScheduler(load);
  assert(!scheduler.crowded);
  load.clientConnections++;
  assert(scheduler.crowded);
});

Deno.test("of many clients some are listened to at once, and the others in turn, first in first out", async () => {
  const load = { clientConnections: 1_000, awaitingResponse: 0 };
  const scheduler = new ReadScheduler(load);
  const order: number[] = [];
  const waits = Array.from({ length: 300 }, (_, client) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const read = (): void => {
      order.push(client);
      resolve();
    };
    scheduler.enqueue({ read });
    return promise;
  });
  // Those whose turn is now.
  assert.equal(order.length, 64);
  // Who comes later is not served before those that wait.
  load.awaitingResponse = 1_000;
  await Promise.all(waits);
  load.clientConnections = 0;
  while (scheduler.crowded) await nextTurn();
  assert.deepEqual(order, waits.map((_, client) => client));
});

Deno.test("who asks again while it waits keeps its place, and takes one turn", async () => {
  const load = { clientConnections: 1_000, awaitingResponse: 5_000 };
  const scheduler = new ReadScheduler(load);
  const order: string[] = [];
  const clientOf = (name: string): { read(): void } => ({
    read: () => order.push(name),
  });
  for (let i = 0; i < 24; i++) scheduler.enqueue(clientOf("at once"));
  const eager = clientOf("eager");
  for (let i = 0; i < 100; i++) scheduler.enqueue(eager);
  scheduler.enqueue(clientOf("next"));
  load.clientConnections = 0;
  while (scheduler.crowded) await nextTurn();
  assert.deepEqual(order.slice(24), ["eager", "next"]);
});

Deno.test("the more requests wait for an answer the fewer clients are listened to at a turn, but never none", async () => {
  for (
    const [awaitingResponse, share] of [[0, 64], [50, 46], [5_000, 24]] as const
  ) {
    const load = { clientConnections: 1_000, awaitingResponse };
    const scheduler = new ReadScheduler(load);
    let listened = 0;
    const waits = Array.from({ length: 100 }, () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const read = (): void => {
        listened++;
        resolve();
      };
      scheduler.enqueue({ read });
      return promise;
    });
    assert.equal(listened, share);
    await Promise.all(waits);
    // A turn at which nobody comes is the last.
    load.clientConnections = 0;
    while (scheduler.crowded) await nextTurn();
  }
});

Deno.test({
  name: "of 500 busy clients none is left out (needs nginx and node)",
  ignore: ignoreWithout("nginx", "node"),
  async fn(): Promise<void> {
    const directory = await Deno.makeTempDir();
    try {
      await using pool = await startPool({
        env: { POOL_SIZE: "2", MAX_WORKERS: "2" },
        // So quick that the balancer is what limits.
        command: lightOrigin(directory),
      });
      const counts = await answersOf(pool.port, "/", 500, 25_000);
      // In the mean 50; left to the runtime few for some. How even it is
      // depends on what else the machine does (24 to 79 at a load of four).
      const fewest = Math.min(...counts);
      assert(fewest >= 10, `${fewest} to ${Math.max(...counts)}`);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "a request that is read while its client waits for its turn is served (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2", MAX_WORKERS: "2" },
      command: ["node", fixture("node_http.mjs")],
    });
    // So slow that their connections are read from while they wait for their
    // answers, to see whether they go.
    // Whoever is not served is waited for until the deadline.
    await answersOf(pool.port, "/slow?ms=300", 400, 1_600, 2);
  },
});

/** How many of `answers` each of `clients` has had since each had one, which ask as soon as they are answered, once each has had `least`. */
async function answersOf(
  port: number,
  path: string,
  clients: number,
  answers: number,
  least = 0,
): Promise<readonly number[]> {
  const args = [port, path, clients, answers, least].map(String);
  const { stdout } = await new Deno.Command("node", {
    args: [fixture("many_clients.mjs"), ...args],
    signal: AbortSignal.timeout(DEFAULT_DEADLINE_MS),
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
