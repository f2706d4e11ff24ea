/** Who looks after the record of a pool that runs. */

import assert from "node:assert/strict";
import { keep } from "../../src/lifecycle/registration.ts";

Deno.test("a record is looked after until it is removed, and what is in the way is said once", async () => {
  const looks: (Error | null)[] = [
    new Error("the disk is full"),
    new Error("the disk is full"),
    null,
    new Error("a link"),
  ];
  const seen = Promise.withResolvers<void>();
  const warnings: unknown[] = [];
  let removals = 0;
  const record = keep(
    {
      restore: () => {
        const error = looks.shift();
        if (looks.length === 0) seen.resolve();
        return error ? Promise.reject(error) : Promise.resolve();
      },
      remove: () => void removals++,
    },
    (error) => warnings.push((error as Error).message),
    1,
  );
  await seen.promise;
  await record.remove();
  assert.equal(removals, 1);
  assert.deepEqual(warnings, ["the disk is full", "a link"]);
});
