/**
 * The share of the requests that a new worker gets while it warms up.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Dispatcher } from "../../src/upstream/dispatcher.ts";
import { ipHash } from "../../src/upstream/policy/ip_hash.ts";
import { leastConnections } from "../../src/upstream/policy/least_connections.ts";
import { POLICIES } from "../../src/upstream/policy/mod.ts";
import { roundRobin } from "../../src/upstream/policy/round_robin.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  dispatcherOf,
  requestOf,
  uniform,
  upstream,
  upstreams,
} from "./upstreams.ts";

const SLOW_START_MS = 10_000;

/** Requests that a share is measured over. */
const REQUESTS = 4_000;

/** A pool of three that are warm, and a fourth that comes at the time 0. */
function withNewcomer(
  policy = roundRobin,
): { dispatcher: Dispatcher; newcomer: Upstream } {
  const old = upstreams(3);
  const newcomer = upstream(3);
  const dispatcher = dispatcherOf(old, {
    policy,
    slowStartMs: SLOW_START_MS,
    random: uniform(7),
  });
  dispatcher.sweep(-2 * SLOW_START_MS);
  dispatcher.sweep(-SLOW_START_MS);
  dispatcher.publish([...old, newcomer]);
  dispatcher.sweep(0);
  return { dispatcher, newcomer };
}

/** How many of `REQUESTS`, each of another client, go to each worker. */
function shares(dispatcher: Dispatcher): number[] {
  const counts = dispatcher.upstreams.map(() => 0);
  // Some are under way at any time, so that counts of requests in flight matter.
  const underWay: Upstream[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const chosen = dispatcher.claim(requestOf(i))!;
    counts[chosen.id]!++;
    underWay.push(chosen);
    if (underWay.length === 10) dispatcher.release(underWay.shift()!);
  }
  for (const upstream of underWay) dispatcher.release(upstream);
  return counts;
}

for (const [name, policy] of Object.entries(POLICIES)) {
  Deno.test(`${name}: a new worker's share grows in a line from a tenth to a full one`, () => {
    const { dispatcher } = withNewcomer(policy);
    for (const ratio of [0, 0.25, 0.5, 0.75, 1]) {
      dispatcher.sweep(ratio * SLOW_START_MS);
      const weight = 0.1 + 0.9 * ratio;
      // Of clients, those of the others do not become fewer at first.
      const whole = policy.sticky ? 4 : 3 + weight;
      const expected = REQUESTS * weight / whole;
      const share = shares(dispatcher)[3]!;
      // Two policies draw lots, and least-connections may take less than its due.
      const tolerance = 0.15 * expected + 10;
      assert(
        Math.abs(share - expected) < tolerance,
        `${share} instead of ${expected} at ${ratio}`,
      );
    }
  });
}

Deno.test("round-robin: while a new worker is at a quarter, the others get four requests for its one", () => {
  const { dispatcher } = withNewcomer();
  dispatcher.sweep((0.25 - 0.1) / 0.9 * SLOW_START_MS);
  const [a, b, c, newcomer] = shares(dispatcher) as [
    number,
    number,
    number,
    number,
  ];
  assert(Math.abs(newcomer - REQUESTS / 13) <= 2, `${newcomer}`);
  for (const old of [a, b, c]) {
    assert(Math.abs(old - 4 * REQUESTS / 13) <= 2, `${old}`);
  }
});

Deno.test("ip-hash: a client moves to the new worker once, and stays", () => {
  const { dispatcher, newcomer } = withNewcomer(ipHash);
  const moved = new Set<number>();
  let last = 0;
  for (let now = 0; now <= SLOW_START_MS; now += SLOW_START_MS / 20) {
    dispatcher.sweep(now);
    for (let client = 0; client < 1_000; client++) {
      const chosen = dispatcher.claim(requestOf(client))!;
      if (chosen === newcomer) moved.add(client);
      else assert(!moved.has(client), `client ${client} moved back`);
    }
    assert(moved.size >= last);
    last = moved.size;
  }
  assert(last > 150, `${last}`);
});

Deno.test("a new worker takes what the others have no room for", () => {
  const old = upstreams(2);
  const options = { workerConcurrency: 1, slowStartMs: SLOW_START_MS };
  const dispatcher = dispatcherOf(old, options);
  dispatcher.sweep(0);
  dispatcher.sweep(SLOW_START_MS);
  const newcomer = upstream(2);
  dispatcher.publish([...old, newcomer]);
  const chosen = [1, 2, 3].map((client) =>
    dispatcher.claim(requestOf(client))!.id
  );
  assert.deepEqual(chosen, [0, 1, 2]);
  assert.equal(dispatcher.claim(requestOf()), null);
});

Deno.test("workers that start together are equals", () => {
  const dispatcher = dispatcherOf(upstreams(4), { slowStartMs: SLOW_START_MS });
  dispatcher.sweep(0);
  assert.deepEqual(shares(dispatcher), [1_000, 1_000, 1_000, 1_000]);
  dispatcher.sweep(SLOW_START_MS / 2);
  assert.deepEqual(shares(dispatcher), [1_000, 1_000, 1_000, 1_000]);
});

Deno.test("workers that start together are chosen as the policy has it", () => {
  const all = upstreams(3);
  const dispatcher = dispatcherOf(all, {
    policy: leastConnections,
    slowStartMs: SLOW_START_MS,
  });
  dispatcher.sweep(0);
  for (let i = 0; i < 12; i++) dispatcher.claim(requestOf(i));
  for (let i = 0; i < 4; i++) dispatcher.release(all[1]!);
  const next = Array.from(
    { length: 4 },
    () => dispatcher.claim(requestOf())!.id,
  );
  assert.deepEqual(next, [1, 1, 1, 1]);
});

Deno.test("a worker that was out of rotation while it was new is not flooded", () => {
  const { dispatcher, newcomer } = withNewcomer(leastConnections);
  newcomer.setAccepting(false);
  for (let i = 0; i < 1_000; i++) dispatcher.claim(requestOf());
  newcomer.setAccepting(true);
  // It is the least busy by far.
  const first = Array.from(
    { length: 12 },
    () => dispatcher.claim(requestOf())!.id,
  );
  assert(first.filter((id) => id === newcomer.id).length <= 3, `${first}`);
});

Deno.test("a worker that comes back starts slowly again, and one that leaves is forgotten", () => {
  const { dispatcher, newcomer } = withNewcomer();
  dispatcher.sweep(SLOW_START_MS);
  assert.equal(shares(dispatcher)[3], REQUESTS / 4);
  const others = dispatcher.upstreams.filter((u) => u !== newcomer);
  dispatcher.publish(others);
  dispatcher.publish([...others, newcomer]);
  dispatcher.sweep(SLOW_START_MS);
  assert(shares(dispatcher)[3]! < REQUESTS / 20);
});
