/**
 * Which worker each policy chooses, over pools and traffic drawn at random.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ipHash } from "../../src/upstream/policy/ip_hash.ts";
import { leastConnections } from "../../src/upstream/policy/least_connections.ts";
import { POLICIES, policyFor } from "../../src/upstream/policy/mod.ts";
import { powerOfTwo } from "../../src/upstream/policy/power_of_two.ts";
import { roundRobin } from "../../src/upstream/policy/round_robin.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { Random } from "../fuzz/random.ts";
import { dispatcherOf, requestOf, uniform, upstreams } from "./upstreams.ts";

/** Pools drawn for each property. */
const POOLS = 300;

/** Events in the life of each. */
const EVENTS = 60;

for (const [name, policy] of Object.entries(POLICIES)) {
  Deno.test(`${name} gives work to whoever may have it, and to nobody else`, () => {
    for (let seed = 0; seed < POOLS; seed++) {
      const random = new Random(1, seed);
      const all = upstreams(1 + random.below(6));
      const cap = 1 + random.below(3);
      const published = new Set(all);
      const dispatcher = dispatcherOf(all, {
        policy,
        workerConcurrency: cap,
        random: uniform(seed),
      });
      const claimed: Upstream[] = [];
      for (let event = 0; event < EVENTS; event++) {
        const chance = random.below(10);
        if (chance === 0) {
          // Not ready, or draining.
          const upstream = random.pick(all);
          if (!published.delete(upstream)) published.add(upstream);
          dispatcher.publish([...published]);
        } else if (chance === 1) {
          // Out of rotation until it is published again.
          random.pick(all).reportRefused();
        } else if (chance < 5 && claimed.length > 0) {
          const at = random.below(claimed.length);
          dispatcher.release(claimed.splice(at, 1)[0]!);
        } else {
          const free = all.filter((u) => u.accepting && u.inFlight < cap);
          const chosen = dispatcher.claim(requestOf(random.below(50)));
          if (chosen === null) assert.deepEqual(free, []);
          else {
            assert(free.includes(chosen));
            assert(published.has(chosen) && chosen.accepting);
            assert(chosen.inFlight <= cap);
            claimed.push(chosen);
          }
        }
      }
      for (const upstream of claimed) dispatcher.release(upstream);
      assert(all.every(({ inFlight }) => inFlight === 0));
    }
  });

  Deno.test(`${name} avoids the worker that failed the request, unless it is the only one`, () => {
    const [a, b] = upstreams(2) as [Upstream, Upstream];
    const dispatcher = dispatcherOf([a, b], { policy, random: uniform(2) });
    for (let i = 0; i < 20; i++) {
      assert.equal(dispatcher.claim({ ...requestOf(i), avoid: a }), b);
    }
    dispatcher.publish([a]);
    assert.equal(dispatcher.claim({ ...requestOf(), avoid: a }), a);
  });
}

Deno.test("round-robin: among the free workers each gets every n-th request exactly", () => {
  for (let seed = 0; seed < POOLS; seed++) {
    const random = new Random(3, seed);
    const all = upstreams(2 + random.below(7));
    const dispatcher = dispatcherOf(all, {
      policy: roundRobin,
      workerConcurrency: 1,
    });
    // Some are full, and stay so.
    const full = random.below(all.length - 1);
    for (let i = 0; i < full; i++) dispatcher.claim(requestOf());
    const free = all.filter(({ inFlight }) => inFlight === 0);
    const counts = new Map(free.map((upstream) => [upstream, 0]));
    for (let i = 0; i < 5 * free.length; i++) {
      const chosen = dispatcher.claim(requestOf())!;
      counts.set(chosen, counts.get(chosen)! + 1);
      dispatcher.release(chosen);
      const shares = [...counts.values()];
      assert(Math.max(...shares) - Math.min(...shares) <= 1);
    }
    assert([...counts.values()].every((count) => count === 5));
  }
});

Deno.test("round-robin: a worker that leaves or comes does not upset the turn of the others", () => {
  const all = upstreams(4);
  const dispatcher = dispatcherOf(all);
  const next = (): number => dispatcher.claim(requestOf())!.id;
  assert.deepEqual([next(), next()], [0, 1]);
  dispatcher.publish(all.filter(({ id }) => id !== 0));
  assert.deepEqual([next(), next()], [2, 3]);
  dispatcher.publish(all);
  assert.deepEqual([next(), next(), next(), next()], [1, 2, 3, 0]);
});

Deno.test("least-connections: nobody has two more than another while all are free", () => {
  for (let seed = 0; seed < POOLS; seed++) {
    const random = new Random(4, seed);
    const all = upstreams(2 + random.below(7));
    const dispatcher = dispatcherOf(all, { policy: leastConnections });
    for (let i = 0; i < EVENTS; i++) {
      const fewest = Math.min(...all.map(({ inFlight }) => inFlight));
      const chosen = dispatcher.claim(requestOf())!;
      assert.equal(chosen.inFlight, fewest + 1);
      const busy = all.filter(({ inFlight }) => inFlight > 0);
      if (random.below(2) === 0) dispatcher.release(random.pick(busy));
    }
  }
});

Deno.test("least-connections: equals take turns", () => {
  const all = upstreams(3);
  const dispatcher = dispatcherOf(all, { policy: leastConnections });
  const ids = Array.from({ length: 9 }, () => {
    const chosen = dispatcher.claim(requestOf())!;
    dispatcher.release(chosen);
    return chosen.id;
  });
  assert.deepEqual(ids, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
});

Deno.test("power-of-two: the busiest of all is never chosen, and idle ones are drawn evenly", () => {
  const all = upstreams(5);
  const dispatcher = dispatcherOf(all, {
    policy: powerOfTwo,
    random: uniform(5),
  });
  const draws = 5_000;
  const counts = new Array<number>(5).fill(0);
  for (let i = 0; i < draws; i++) {
    const chosen = dispatcher.claim(requestOf())!;
    counts[chosen.id]!++;
    dispatcher.release(chosen);
  }
  for (const count of counts) assert(Math.abs(count - 1_000) < 150, `${count}`);
  all[2]!.claim();
  for (let i = 0; i < draws; i++) {
    const chosen = dispatcher.claim(requestOf())!;
    assert.notEqual(chosen.id, 2);
    dispatcher.release(chosen);
  }
});

Deno.test("power-of-two: no worker is favoured for standing after one that is full", () => {
  const all = upstreams(6);
  for (const id of [1, 2, 3]) all[id]!.claim();
  const dispatcher = dispatcherOf(all, {
    policy: powerOfTwo,
    workerConcurrency: 1,
    random: uniform(6),
  });
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < 6_000; i++) {
    const chosen = dispatcher.claim(requestOf())!;
    counts[chosen.id]!++;
    dispatcher.release(chosen);
  }
  for (const id of [0, 4, 5]) {
    assert(Math.abs(counts[id]! - 2_000) < 200, `${counts}`);
  }
});

Deno.test("ip-hash: when a worker goes only its clients move, and they come back to it", () => {
  const clients = Array.from({ length: 2_000 }, (_, client) => client);
  for (let count = 2; count <= 9; count++) {
    const all = upstreams(count);
    const dispatcher = dispatcherOf(all, { policy: ipHash });
    const home = clients.map((c) => dispatcher.claim(requestOf(c))!.id);
    for (const gone of all) {
      dispatcher.publish(all.filter((upstream) => upstream !== gone));
      for (const client of clients) {
        const { id } = dispatcher.claim(requestOf(client))!;
        if (home[client] !== gone.id) assert.equal(id, home[client]);
        else assert.notEqual(id, gone.id);
      }
    }
    dispatcher.publish(all);
    assert.deepEqual(
      clients.map((c) => dispatcher.claim(requestOf(c))!.id),
      home,
    );
    const even = clients.length / count;
    for (const { id } of all) {
      const share = home.filter((at) => at === id).length;
      assert(Math.abs(share - even) < even / 3, `${share} of ${even}`);
    }
  }
});

Deno.test("round-robin with WORKER_CONCURRENCY=auto gives each its turn, but not while another has fewer", () => {
  const all = upstreams(3);
  const dispatcher = dispatcherOf(all, {
    policy: policyFor({ policy: "round-robin", workerConcurrency: "auto" }),
    workerConcurrency: 2,
  });
  const turns = (count: number): number[] =>
    Array.from({ length: count }, () => dispatcher.claim(requestOf())!.id);
  assert.deepEqual(turns(4), [0, 1, 2, 0]);
  dispatcher.release(all[2]!);
  assert.deepEqual(turns(2), [2, 1]);
  const fixed = policyFor({ policy: "round-robin", workerConcurrency: 2 });
  assert.equal(fixed, roundRobin);
  const other = policyFor({ policy: "ip-hash", workerConcurrency: "auto" });
  assert.equal(other, ipHash);
});
