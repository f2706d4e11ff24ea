/**
 * The queue before workers that are all full.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Dispatcher, Ticket } from "../../src/upstream/dispatcher.ts";
import { Upstream } from "../../src/upstream/upstream.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { dispatcherOf, requestOf, upstreams } from "./upstreams.ts";

/** Waits where it may, and notes what came of it in `log` under `name`. */
function wait(
  dispatcher: Dispatcher,
  { name, now = 0, log }: { name: string; now?: number; log: string[] },
): Ticket {
  const ticket: Ticket = {
    request: requestOf(),
    since: now,
    resolve: ({ id }) => void log.push(`${name}: worker ${id}`),
    reject: (reason) => void log.push(`${name}: ${reason}`),
  };
  const refused = dispatcher.enqueue(ticket);
  if (refused !== null) log.push(`${name} may not wait: ${refused}`);
  return ticket;
}

/** Two workers that serve one request at a time, and do. */
function busyPool(
  options: Parameters<typeof dispatcherOf>[1] = {},
): { dispatcher: Dispatcher; a: Upstream; b: Upstream; log: string[] } {
  const [a, b] = upstreams(2) as [Upstream, Upstream];
  const dispatcher = dispatcherOf([a, b], { workerConcurrency: 1, ...options });
  dispatcher.claim(requestOf());
  dispatcher.claim(requestOf());
  return { dispatcher, a, b, log: [] };
}

Deno.test("a freed worker takes the head of the queue in the same turn, first in first out", () => {
  const { dispatcher, a, b, log } = busyPool();
  for (const name of ["first", "second", "third"]) {
    wait(dispatcher, { name, log });
  }
  dispatcher.release(b);
  assert.deepEqual(log, ["first: worker 1"]);
  dispatcher.release(a);
  dispatcher.release(b);
  assert.deepEqual(log.slice(1), ["second: worker 0", "third: worker 1"]);
  assert.equal(dispatcher.queue.depth, 0);
});

Deno.test("with nothing set, a worker of one connection at a time has one request, and one that waits for it", () => {
  const options = { id: 0, hostname: "127.0.0.1", port: 8081, generation: 1 };
  const serial = new Upstream({ ...options, serial: true });
  const dispatcher = dispatcherOf([serial], { workerConcurrency: "auto" });
  const log: string[] = [];
  assert.equal(dispatcher.claim(requestOf()), serial);
  assert.equal(dispatcher.claim(requestOf()), serial);
  assert.equal(dispatcher.claim(requestOf()), null);
  wait(dispatcher, { name: "third", log });
  dispatcher.release(serial);
  assert.deepEqual(log, ["third: worker 0"]);
});

Deno.test("nobody overtakes those that wait", () => {
  const { dispatcher, a, b, log } = busyPool();
  wait(dispatcher, { name: "first", log });
  dispatcher.publish([]);
  dispatcher.release(a);
  dispatcher.release(b);
  // A worker is free, but not to be had: its claim must not come before the other.
  assert.equal(dispatcher.claim(requestOf()), null);
  dispatcher.publish([a, b]);
  assert.deepEqual(log, ["first: worker 0"]);
});

Deno.test("a request whose client has gone leaves the queue, and its place is free", () => {
  const { dispatcher, a, log } = busyPool({ maxQueue: 2 });
  const gone = wait(dispatcher, { name: "gone", log });
  wait(dispatcher, { name: "stays", log });
  wait(dispatcher, { name: "late", log });
  assert.deepEqual(log.splice(0), ["late may not wait: queue-full"]);
  dispatcher.cancel(gone);
  assert.equal(dispatcher.queue.depth, 1);
  wait(dispatcher, { name: "next", log });
  dispatcher.release(a);
  assert.deepEqual(log, ["stays: worker 0"]);
});

Deno.test("who finds the queue full or waits too long is turned away, and no worker is touched", () => {
  const { dispatcher, a, b, log } = busyPool({
    maxQueue: 2,
    queueTimeoutMs: 100,
  });
  wait(dispatcher, { name: "first", now: 0, log });
  wait(dispatcher, { name: "second", now: 50, log });
  wait(dispatcher, { name: "third", now: 60, log });
  assert.deepEqual(log.splice(0), ["third may not wait: queue-full"]);
  dispatcher.sweep(99);
  assert.deepEqual(log, []);
  dispatcher.sweep(149);
  assert.deepEqual(log, ["first: queue-timeout"]);
  dispatcher.sweep(150);
  assert.deepEqual(log, ["first: queue-timeout", "second: queue-timeout"]);
  const { depth, rejected, timedOut } = dispatcher.queue;
  assert.deepEqual([depth, rejected, timedOut], [0, 1, 2]);
  assert.deepEqual([a.inFlight, b.inFlight], [1, 1]);
});

Deno.test("whoever would not be served before clients give up is told that there is an overload, and no setting", () => {
  let now = 0;
  const { dispatcher, log } = busyPool({
    workerConcurrency: "auto",
    clock: () => now,
  });
  const sweepUntil = (end: number): void => {
    for (; now < end; now += 100) dispatcher.sweep(now);
  };
  // As many as the workers may have, and others that wait.
  while (dispatcher.claim(requestOf()) !== null);
  const waiting = Array.from(
    { length: 40 },
    () => wait(dispatcher, { name: "early", log }),
  );
  sweepUntil(1_000);
  for (const ticket of waiting.slice(0, 30)) dispatcher.cancel(ticket);
  sweepUntil(1_200);
  assert.equal(new Set(log).size, 1);
  assert.equal(log[0], "early: overload");
  wait(dispatcher, { name: "late", now, log });
  assert.equal(log.at(-1), "late may not wait: overload");
});

Deno.test("when the pool stops everybody who waits is turned away, and whoever would", () => {
  const { dispatcher, log } = busyPool();
  wait(dispatcher, { name: "first", log });
  dispatcher.stop();
  wait(dispatcher, { name: "second", log });
  assert.deepEqual(log, [
    "first: stopping",
    "second may not wait: stopping",
  ]);
});

Deno.test("where there has been no worker, that is why whoever waits is turned away at the end", () => {
  const dispatcher = dispatcherOf([]);
  const log: string[] = [];
  wait(dispatcher, { name: "first", log });
  dispatcher.stop();
  assert.deepEqual(log, ["first: never-ready"]);
});

Deno.test("the wait of those that were served, or waited too long, is measured", () => {
  const clock = new FakeClock();
  const { dispatcher, a, b, log } = busyPool({
    clock: clock.now,
    queueTimeoutMs: 1_000,
  });
  assert.equal(dispatcher.queueWait.quantile(0.5), null);
  wait(dispatcher, { name: "first", now: clock.now(), log });
  wait(dispatcher, { name: "second", now: clock.now(), log });
  wait(dispatcher, { name: "late", now: clock.now(), log });
  dispatcher.cancel(wait(dispatcher, { name: "gone", now: clock.now(), log }));
  clock.advance(16);
  dispatcher.release(a);
  dispatcher.release(b);
  dispatcher.sweep(clock.advance(984));
  assert.equal(dispatcher.queueWait.quantile(0.5), 16);
  assert.equal(dispatcher.queueWait.quantile(0.99), 1_000);
  assert.equal(dispatcher.queueWait.count, 3);
});
