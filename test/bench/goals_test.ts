import assert from "node:assert/strict";
import { type Goal, judge } from "../../bench/goals.ts";
import type { Results } from "../../bench/results.ts";

const NOTHING: Results = { scenarios: [], memory: [] };

/** A goal over figures that are given by peer. */
function goalOver(
  figures: Readonly<Record<string, readonly number[]>>,
  limit: Pick<Goal, "against" | "most" | "least">,
): Goal {
  return {
    what: "something",
    digits: 0,
    source: (_, peer) => figures[peer] ?? [],
    ...limit,
  };
}

Deno.test("a goal against a peer is judged by the median of the ratios of each round", () => {
  // A disturbance in the second round falls on both; the medians by themselves say 4.
  const goal = goalOver({
    "prefork-pool": [20, 200, 40],
    haproxy: [10, 100, 10],
  }, { against: "haproxy", most: 2 });
  const judgement = judge(goal, NOTHING)!;
  assert.deepEqual(judgement.values, [2, 2, 4]);
  assert.equal(judgement.met, true);
});

Deno.test("a goal is not met just beyond its limit", () => {
  const figures = { "prefork-pool": [9], haproxy: [10] };
  const met = (limit: Pick<Goal, "most" | "least">): boolean =>
    judge(goalOver(figures, { against: "haproxy", ...limit }), NOTHING)!.met;
  assert.equal(met({ most: 0.9 }), true);
  assert.equal(met({ most: 0.89 }), false);
  assert.equal(met({ least: 0.9 }), true);
  assert.equal(met({ least: 0.91 }), false);
});

Deno.test("a goal against nobody limits the figure itself", () => {
  const goal = goalOver({ "prefork-pool": [59, 61, 70] }, {
    against: null,
    most: 60,
  });
  const { values, met } = judge(goal, NOTHING)!;
  assert.deepEqual(values, [59, 61, 70]);
  assert.equal(met, false);
});

Deno.test("a goal for which a peer is missing is not judged", () => {
  const goal = goalOver({ "prefork-pool": [1] }, {
    against: "haproxy",
    most: 1,
  });
  assert.equal(judge(goal, NOTHING), null);
});
