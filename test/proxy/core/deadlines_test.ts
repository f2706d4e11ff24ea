/** Deadlines that are looked at a few times a second. */

import assert from "node:assert/strict";
import { Deadlines } from "../../../src/proxy/core/deadlines.ts";

Deno.test("a deadline is never enforced early, however short it is", () => {
  const deadlines = new Deadlines(0);
  deadlines.enforce(100);
  // At 199 in truth, of which the clock of the last look knows nothing.
  let expiredAt: number | null = null;
  const member = {
    deadline: deadlines.now + 50,
    expire: (now: number): void => {
      expiredAt ??= now;
    },
  };
  deadlines.add(member);
  deadlines.enforce(200);
  assert.equal(expiredAt, null, "it is one millisecond old");
  deadlines.enforce(300);
  assert.equal(expiredAt, 300);
});
