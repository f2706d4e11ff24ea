/**
 * That no connection keeps the runtime's event loop from the others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { NOBODY } from "../../src/proxy/core/link.ts";
import { DenoDriver } from "../../src/transport/deno/driver.ts";
import { Turn } from "../../src/transport/deno/turn.ts";
import { delay } from "../support/deadline.ts";

/** Reads of a test that nobody else gets a turn in beside. */
const MAX_READS = 30;

Deno.test("who reads in a turn that has lasted for long waits for another one, once", async () => {
  let now = 0;
  const turn = new Turn(() => now);
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const [first, second] = ["first", "second"].map((name) => ({
    read: () => void order.push(name),
  }));
  turn.read(first!);
  now = 19;
  turn.read(first!);
  now = 20;
  for (const link of [second!, first!, second!, { read: resolve }]) {
    turn.read(link);
  }
  assert.deepEqual(order, ["first", "first"]);
  await promise;
  assert.deepEqual(order, ["first", "first", "second", "first"]);
  turn.stop();
});

for (const [what, resumes] of [["reads on", false], ["is resumed", true]]) {
  Deno.test(`a connection that ${what} for long, and has always more, gives way to others`, async () => {
    let now = 0;
    const load = { clientConnections: 1, awaitingResponse: 0 };
    const driver = new DenoDriver(load, () => now);
    let reads = 0;
    const link = driver.link({
      read: (room) => Promise.resolve(++reads < MAX_READS ? room.length : null),
      write: () => Promise.reject(new Error("Nothing is written")),
      closeWrite: () => Promise.resolve(),
      close: () => {},
    });
    link.handler = {
      ...NOBODY,
      onData: ({ input }) => {
        input.start = input.end;
        now += 8;
        if (resumes) {
          link.pause();
          queueMicrotask(() => link.resume(false));
        }
      },
    };
    link.resume(false);
    await delay(0);
    assert.equal(reads, 3);
    // Later it goes on.
    while (reads < MAX_READS) await delay(0);
    link.close();
    driver.stop();
  });
}
