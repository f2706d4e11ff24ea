/**
 * Settings of the workers whose values are more than a number.
 *
 * @module
 */

import assert from "node:assert/strict";
import { resolveOptions } from "../../src/config/options.ts";

Deno.test("skewGraceMs does nothing without skewProtection, and says so", () => {
  assert.throws(
    () => resolveOptions({ skewGraceMs: 1_000 }),
    /skewGraceMs=1000: needs skewProtection/,
  );
  const config = resolveOptions({ skewProtection: true, skewGraceMs: 1_000 });
  assert.deepEqual([config.skewProtection, config.skewGraceMs], [true, 1_000]);
  assert.throws(
    () => resolveOptions({ skewProtection: true, skewGraceMs: 0 }),
    /skewGraceMs=0: must be/,
  );
});

Deno.test("with skewProtection the worker ports leave room for a second generation", () => {
  const options = { port: 8080, poolSize: 100, maxWorkers: 100 };
  const most = (skewProtection: boolean): number => {
    const message = /must be at most (\d+), to leave room for (\d+) workers/;
    let found: RegExpExecArray | null = null;
    assert.throws(
      () => resolveOptions({ ...options, skewProtection, workerPort: 65_530 }),
      (error: Error) => (found = message.exec(error.message)) !== null,
    );
    return Number(found![1]);
  };
  assert.equal(most(false) - most(true), 100);
});
