/** What a worker may write before its lines are dropped. */

import assert from "node:assert/strict";
import { OutputBudget } from "../../src/pool/output_budget.ts";

/** Lines of so many bytes that pass now. */
function passing(
  budget: OutputBudget,
  stream: "stdout" | "stderr",
  { most, bytes = 1 }: { readonly most: number; readonly bytes?: number },
): number {
  let count = 0;
  while (count < most && budget.take(stream, bytes)) count++;
  return count;
}

Deno.test("with the default settings a burst of 20,000 lines of 100 characters is well within the budget", () => {
  const budget = new OutputBudget({
    workerLogRate: 10_000,
    workerLogBytes: 4_194_304,
  }, 0);
  const lines = passing(budget, "stdout", { most: 100_000, bytes: 120 });
  assert.ok(lines >= 40_000, `${lines}`);
});

Deno.test("what passes in the long run is the rate, in lines or in bytes", () => {
  for (
    const limits of [
      { workerLogRate: 100, workerLogBytes: 0 },
      { workerLogRate: 0, workerLogBytes: 1000 },
    ]
  ) {
    const budget = new OutputBudget(limits, 0);
    passing(budget, "stderr", { most: 1e6, bytes: 10 });
    let lines = 0;
    for (let ms = 10; ms <= 10_000; ms += 10) {
      budget.refill(ms);
      lines += passing(budget, "stderr", { most: 1e6, bytes: 10 });
    }
    assert.ok(lines >= 990 && lines <= 1010, `${lines}`);
  }
});

Deno.test("a flood on stdout leaves room for stderr", () => {
  const budget = new OutputBudget({ workerLogRate: 100, workerLogBytes: 0 }, 0);
  passing(budget, "stdout", { most: 1e6 });
  assert.equal(budget.take("stdout", 1), false);
  assert.ok(passing(budget, "stderr", { most: 1e6 }) >= 40);
});

Deno.test("a line larger than the bucket passes, and is paid for", () => {
  const budget = new OutputBudget({ workerLogRate: 0, workerLogBytes: 10 }, 0);
  assert.equal(budget.take("stderr", 1000), true);
  assert.equal(budget.take("stderr", 1), false);
  budget.refill(90_000);
  assert.equal(budget.take("stderr", 1), false);
  budget.refill(100_000);
  assert.equal(budget.take("stderr", 1), true);
});

Deno.test("0 is no limit", () => {
  const budget = new OutputBudget({ workerLogRate: 0, workerLogBytes: 0 }, 0);
  assert.equal(passing(budget, "stdout", { most: 1e5, bytes: 1e6 }), 1e5);
});
