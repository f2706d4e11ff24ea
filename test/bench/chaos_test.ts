/**
 * What the chaos run counts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { recoveriesMs } from "../../bench/chaos/disturbance.ts";
import { effectFaults } from "../../bench/chaos/effects.ts";

Deno.test("each kill is over with the first new worker that is not another's", () => {
  const arrivals = [
    { pid: 1, atMs: 1300 },
    { pid: 2, atMs: 2050 },
    { pid: 3, atMs: 2400 },
  ];
  assert.deepEqual(recoveriesMs([1000, 1200, 2000], arrivals), [300, 850, 400]);
});

Deno.test("a kill that no new worker follows has no end", () => {
  assert.deepEqual(recoveriesMs([1000], [{ pid: 1, atMs: 900 }]), []);
});

Deno.test("what was done twice, by whomever, and what was answered and not done is counted", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(directory, "1"), "a\nb\nc\nc\n");
    await Deno.writeTextFile(join(directory, "2"), "a\nd\n");
    assert.deepEqual(effectFaults(directory, ["a", "b", "e"]), {
      doubled: 2,
      lost: 1,
      unanswered: 2,
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
