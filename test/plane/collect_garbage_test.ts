/** Collecting garbage on request. */

import assert from "node:assert/strict";
import { collectGarbage } from "../../src/plane/collect_garbage.ts";

Deno.test("what nobody refers to is gone when garbage has been collected", async () => {
  const [kept, reference] = makeGarbage();
  // A target is kept until the turn is over in which it was referred to.
  await new Promise((resolve) => setTimeout(resolve));
  collectGarbage();
  assert.equal(reference.deref(), undefined);
  assert.ok(kept.deref() === KEPT);
});

const KEPT = { large: new Array(1000).fill(0) };

function makeGarbage(): [WeakRef<object>, WeakRef<object>] {
  return [new WeakRef(KEPT), new WeakRef({ large: new Array(1000).fill(0) })];
}
