/** The list of what an upstream has in flight. */

import assert from "node:assert/strict";
import { LinkedList } from "../../src/upstream/linked_list.ts";
import type { InFlightExchange } from "../../src/upstream/in_flight.ts";
import { Random } from "../fuzz/random.ts";

function exchange(id: string): InFlightExchange {
  return {
    next: null,
    previous: null,
    request: {
      startedAt: 0,
      givenAt: 0,
      id,
      describe: () => ({ method: "GET", target: "/" }),
    },
    responded: false,
    sent: true,
    stream: false,
    retries: {
      losses: 0,
      noteLoss(): void {},
      disableRetry(): void {},
      convict(): void {},
    },
    cut(): void {},
    retryElsewhere(): void {},
  };
}

function idsIn(list: LinkedList<InFlightExchange>): readonly string[] {
  return [...list].map(({ request }) => request.id);
}

Deno.test("exchanges enter and leave in any order, and those left are in the order in which they came", () => {
  const random = new Random(1, 0);
  const list = new LinkedList<InFlightExchange>();
  const inside: InFlightExchange[] = [];
  for (let step = 0; step < 2_000; step++) {
    if (inside.length < 6 && random.below(2) === 0) {
      const entering = exchange(`${step}`);
      list.enter(entering);
      inside.push(entering);
    } else if (inside.length > 0) {
      const [leaving] = inside.splice(random.below(inside.length), 1);
      list.leave(leaving!);
      assert.deepEqual([leaving!.next, leaving!.previous], [null, null]);
    }
    assert.deepEqual(idsIn(list), inside.map(({ request }) => request.id));
  }
});

Deno.test("who leaves while the list is walked does not end the walk", () => {
  const list = new LinkedList<InFlightExchange>();
  for (const id of ["a", "b", "c"]) list.enter(exchange(id));
  const seen: string[] = [];
  for (const each of list) {
    seen.push(each.request.id);
    list.leave(each);
  }
  assert.deepEqual(seen, ["a", "b", "c"]);
  assert.deepEqual(idsIn(list), []);
});

Deno.test("who has left may enter again", () => {
  const [one, other] = [
    new LinkedList<InFlightExchange>(),
    new LinkedList<InFlightExchange>(),
  ];
  const moving = exchange("a");
  one.enter(moving);
  one.leave(moving);
  other.enter(moving);
  assert.deepEqual([idsIn(one), idsIn(other)], [[], ["a"]]);
});
