/**
 * What a configuration that was read anew changes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type PoolOptions, resolveOptions } from "../../src/config/options.ts";
import { reconfigure } from "../../src/lifecycle/reconfigure.ts";

/** What comes of it when a pool with the defaults reads `options`. */
function read(options: PoolOptions): ReturnType<typeof reconfigure> {
  return reconfigure(resolveOptions(), resolveOptions(options));
}

Deno.test("a configuration that has not changed changes nothing", () => {
  const { config, needRestart } = read({});
  assert.deepEqual(config, resolveOptions());
  assert.deepEqual(needRestart, []);
});

Deno.test("what concerns the workers is applied", () => {
  const options: PoolOptions = {
    command: ["node", "server.js"],
    workerEnvironment: { COLOUR: "blue" },
    poolSize: 6,
    maxWorkers: 9,
    spareWorkers: 1,
    drainTimeoutMs: 5,
    maxRequests: 10,
    scaleUpRate: 7,
    scaleDownRate: 1,
  };
  const { config, needRestart } = read(options);
  assert.deepEqual(config, resolveOptions(options));
  assert.deepEqual(needRestart, []);
});

Deno.test("what the connections live by is not applied, and named", () => {
  const { config, needRestart } = read({
    port: 9090,
    healthPath: "/up",
    maxQueue: 1,
    spareWorkers: 2,
  });
  assert.deepEqual(config, { ...resolveOptions(), spareWorkers: 2 });
  // The workers' ports follow from PORT.
  assert.deepEqual(
    new Set(needRestart),
    new Set([
      "PORT",
      "WORKER_PORT",
      "MAX_QUEUE",
      "HEALTH_PATH",
    ]),
  );
});
