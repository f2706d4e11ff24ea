/**
 * A pool that ends by itself, and what it says then.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DEFAULT_DEADLINE_MS, withDeadline } from "./deadline.ts";
import type { PoolProcess } from "./pool_process.ts";

/** What is to be read in a log: texts, and patterns. */
export type Says = readonly (string | RegExp)[];

/** Waits for the end of a pool, with this exit code, and checks that it has said all this, and no stack trace. */
export async function assertSays(
  pool: PoolProcess,
  code: number,
  says: Says,
): Promise<void> {
  const status = await withDeadline(
    pool.status,
    DEFAULT_DEADLINE_MS,
    () => `The pool goes on running:\n${pool.logs}`,
  );
  assert.equal(status.code, code, pool.logs);
  for (const expected of says) {
    if (typeof expected === "string") {
      assert.ok(pool.logs.includes(expected), `${expected}\n---\n${pool.logs}`);
    } else assert.match(pool.logs, expected);
  }
  assert.doesNotMatch(pool.logs, /^\s+at .*:\d+:\d+|Uncaught|\[object /m);
}
