/**
 * The settings of how requests meet workers that are no plain numbers.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load_config.ts";
import { resolveOptions } from "../../src/config/options.ts";

function load(variables: Readonly<Record<string, string>>): Config {
  const env = new Map(Object.entries(variables));
  const invocation = loadConfig({ args: [], env });
  assert(invocation.action === "run");
  return invocation.config;
}

Deno.test("RATE_LIMIT is so many a second or a minute, and at once", () => {
  const read = (text: string): unknown =>
    load({ PREFORK_RATE_LIMIT: text }).rateLimit;
  assert.deepEqual(read("10/s"), { perSecond: 10, burst: 10 });
  assert.deepEqual(read("10/s:25"), { perSecond: 10, burst: 25 });
  assert.deepEqual(read("30/m:5"), { perSecond: 0.5, burst: 5 });
  for (
    const text of ["10", "0/s", "10/h", "10/s:", "10/s:0", "-1/s", "1.5/s"]
  ) {
    assert.throws(
      () => read(text),
      (error: Error) =>
        error.message.includes(
          `PREFORK_RATE_LIMIT=${text}: must be requests per second or minute, and at ` +
            "once, such as 10/s:20 or 100/m",
        ),
    );
  }
});

Deno.test("rateLimit of a program is a rule", () => {
  const rule = { perSecond: 0.1, burst: 3 };
  assert.deepEqual(resolveOptions({ rateLimit: rule }).rateLimit, rule);
  for (const burst of [0, 0.5, NaN, Infinity]) {
    assert.throws(() => resolveOptions({ rateLimit: { perSecond: 1, burst } }));
  }
});

Deno.test("WORKER_CONCURRENCY is a number, or is found", () => {
  const read = (text: string): number | "auto" =>
    load({ WORKER_CONCURRENCY: text }).workerConcurrency;
  assert.equal(read("2"), 2);
  assert.equal(read("auto"), "auto");
  assert.throws(
    () => read("many"),
    /WORKER_CONCURRENCY=many: must be a whole number from 0 to 1000000, or auto/,
  );
});
