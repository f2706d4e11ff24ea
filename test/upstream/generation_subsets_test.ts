/**
 * Clients that belong to a generation, and those that do not.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Dispatcher } from "../../src/upstream/dispatcher.ts";
import { POLICIES } from "../../src/upstream/policy/mod.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { Random } from "../fuzz/random.ts";
import { dispatcherOf, requestOf, uniform, upstream } from "./upstreams.ts";

/** Pools drawn for each property. */
const POOLS = 200;

/** Events in the life of each. */
const EVENTS = 80;

/** Two workers of each of these generations. */
function pairs(...generations: readonly number[]): Upstream[] {
  return generations.flatMap((generation) => [
    upstream(0, generation),
    upstream(1, generation),
  ]);
}

/** Has a request claim, and notes what it gets; it may have to wait. */
function ask(
  dispatcher: Dispatcher,
  generation: number | null,
  got: string[],
): void {
  const request = requestOf(0, generation);
  const note = ({ id, generation: of }: Upstream): void => {
    got.push(`${generation ?? "any"}: ${id} of ${of}`);
  };
  const claimed = dispatcher.claim(request);
  if (claimed !== null) note(claimed);
  else {
    const reject = (): void => {};
    dispatcher.enqueue({ request, since: 0, resolve: note, reject });
  }
}

for (const [name, policy] of Object.entries(POLICIES)) {
  Deno.test(`${name} gives clients their generation for as long as there is one of it, and new clients the published one`, () => {
    for (let seed = 0; seed < POOLS; seed++) {
      const random = new Random(7, seed);
      const all = pairs(1, 2, 3);
      const dispatcher = dispatcherOf([], {
        policy,
        skewProtection: true,
        workerConcurrency: 2,
        random: uniform(seed),
      });
      const claimed: Upstream[] = [];
      let published: Upstream[] = [];
      let former: Upstream[] = [];
      for (let event = 0; event < EVENTS; event++) {
        const chance = random.below(10);
        if (chance === 0) {
          published = all.filter((u) => u.generation > 1 && random.below(2));
          former = all.filter((u) => u.generation === 1 && random.below(2));
          dispatcher.publish(published, former);
        } else if (chance === 1) random.pick(all).reportRefused();
        else if (chance < 4 && claimed.length > 0) {
          const at = random.below(claimed.length);
          dispatcher.release(claimed.splice(at, 1)[0]!);
        } else {
          const generation = random.below(4) || null;
          const own = [...published, ...former]
            .filter((u) => u.generation === generation && u.accepting);
          const allowed = (own.length > 0 ? own : published)
            .filter((u) => u.accepting && u.inFlight < 2);
          const chosen = dispatcher.claim(requestOf(event, generation));
          if (chosen === null) assert.deepEqual(allowed, []);
          else {
            assert.ok(allowed.includes(chosen), `seed ${seed}`);
            claimed.push(chosen);
          }
        }
      }
      for (const upstream of claimed) dispatcher.release(upstream);
      assert.ok(all.every(({ inFlight }) => inFlight === 0));
    }
  });
}

Deno.test("the workers of a generation take turns", () => {
  const former = pairs(1);
  const dispatcher = dispatcherOf([], { skewProtection: true });
  dispatcher.publish(pairs(2), former);
  const got: string[] = [];
  for (let i = 0; i < 3; i++) ask(dispatcher, 1, got);
  // That others come and go changes nothing about whose turn it is.
  dispatcher.publish(pairs(3), former);
  ask(dispatcher, 1, got);
  assert.deepEqual(got, [
    "1: 0 of 1",
    "1: 1 of 1",
    "1: 0 of 1",
    "1: 1 of 1",
  ]);
});

Deno.test("a client waits for its generation, though others are free, and holds up nobody but its own", () => {
  const [old] = pairs(1) as [Upstream];
  const [young] = pairs(2) as [Upstream];
  const dispatcher = dispatcherOf([], {
    skewProtection: true,
    workerConcurrency: 1,
  });
  dispatcher.publish([young], [old]);
  const got: string[] = [];
  ask(dispatcher, 1, got);
  ask(dispatcher, 1, got);
  assert.equal(dispatcher.queue.depth, 1);
  ask(dispatcher, null, got);
  ask(dispatcher, 2, got);
  assert.deepEqual(got, ["1: 0 of 1", "any: 0 of 2"]);
  dispatcher.release(young);
  assert.equal(got.at(-1), "2: 0 of 2");
  dispatcher.release(old);
  assert.equal(got.at(-1), "1: 0 of 1");
});

Deno.test("a client that waits for a generation is given the next one when that ends", () => {
  const old = upstream(0, 1);
  const young = upstream(0, 2);
  const dispatcher = dispatcherOf([], {
    skewProtection: true,
    workerConcurrency: 1,
  });
  dispatcher.publish([young], [old]);
  const got: string[] = [];
  ask(dispatcher, 1, got);
  ask(dispatcher, 1, got);
  dispatcher.publish([young]);
  assert.deepEqual(got, ["1: 0 of 1", "1: 0 of 2"]);
  assert.equal(old.accepting, false);
});

Deno.test("new clients wait rather than be given a former worker", () => {
  const dispatcher = dispatcherOf([], { skewProtection: true });
  dispatcher.publish([], [upstream(0, 1)]);
  assert.equal(dispatcher.claim(requestOf()), null);
  assert.equal(dispatcher.claim(requestOf(0, 2)), null);
});

Deno.test("without skew protection nobody belongs to a generation", () => {
  const dispatcher = dispatcherOf(pairs(1, 2));
  const given = Array.from(
    { length: 4 },
    () => dispatcher.claim(requestOf(0, 1))!.generation,
  );
  assert.deepEqual(given.sort(), [1, 1, 2, 2]);
});
