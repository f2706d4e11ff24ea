/**
 * Settings of the workers whose values are more than a number.
 *
 * @module
 */

import assert from "node:assert/strict";
import { resolveOptions } from "../../src/config/options.ts";

Deno.test("skewGraceMs does nothing without skewProtection or affinity, and says so", () => {
  assert.throws(
    () => resolveOptions({ skewGraceMs: 1_000 }),
    /skewGraceMs=1000: needs skewProtection or affinity/,
  );
  const tied = resolveOptions({ affinity: "cookie", skewGraceMs: 1_000 });
  assert.equal(tied.skewGraceMs, 1_000);
  const config = resolveOptions({ skewProtection: true, skewGraceMs: 1_000 });
  assert.deepEqual([config.skewProtection, config.skewGraceMs], [true, 1_000]);
  assert.throws(
    () => resolveOptions({ skewProtection: true, skewGraceMs: 0 }),
    /skewGraceMs=0: must be/,
  );
});

Deno.test("the worker ports leave room for those that are kept for their clients", () => {
  const options = { port: 8080, poolSize: 100, maxWorkers: 100 };
  const most = (sticky: Readonly<Record<string, unknown>>): number => {
    const message = /must be at most (\d+), to leave room for (\d+) workers/;
    let found: RegExpExecArray | null = null;
    assert.throws(
      () => resolveOptions({ ...options, ...sticky, workerPort: 65_530 }),
      (error: Error) => (found = message.exec(error.message)) !== null,
    );
    return Number(found![1]);
  };
  for (const sticky of [{ skewProtection: true }, { affinity: "cookie" }]) {
    assert.equal(most({}) - most(sticky), 3 * 100);
  }
});

Deno.test("a workerCwd in which nothing can run is told with the configuration", () => {
  const file = import.meta.filename!;
  assert.throws(
    () => resolveOptions({ workerCwd: file }),
    { message: new RegExp(`workerCwd=${file}: "${file}" is no directory;`) },
  );
  const missing = `${import.meta.dirname}/nowhere`;
  assert.throws(
    () => resolveOptions({ workerCwd: missing }),
    /nowhere: the directory "\/.*\/nowhere" does not exist; create it, or/,
  );
  const { dirname } = import.meta;
  assert.equal(resolveOptions({ workerCwd: dirname! }).workerCwd, dirname);
});
