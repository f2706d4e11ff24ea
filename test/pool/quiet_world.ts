/**
 * A pool in which nothing happens but what a test does, with made-up processes
 * and a clock of the test.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { StaffingOptions } from "../../src/pool/goal.ts";
import { type ModelProcess, ModelWorld, specCalled } from "./model_world.ts";

/** Nothing but reloads replaces a worker here, one after the other. */
const LASTING = {
  maxRequests: 0,
  maxWorkerAgeS: 0,
  maxWorkerMemoryMb: 0,
  reloadSurge: 1,
};

/** How long those are kept that have left their places, in milliseconds. */
export const GRACE_MS = 100_000;

/** More passes than a reload of two workers takes. */
const MANY_PASSES = 200;

/** Time between two passes, in milliseconds: long enough that trials end without traffic. */
const STEP_MS = 500;

/** Two workers that serve. */
export async function startWorld(
  options: Partial<StaffingOptions> = {},
): Promise<ModelWorld> {
  const world = new ModelWorld(specCalled("first"), {
    ...LASTING,
    skewGraceMs: GRACE_MS,
    ...options,
  });
  world.wish.workers = 2;
  world.wish.spares = 0;
  await until(world, () => world.dispatcher.upstreams.length === 2);
  return world;
}

/** Makes passes in a world in which all goes well, until `condition` holds. */
export async function until(
  world: ModelWorld,
  condition: () => boolean,
  isWell: (process: ModelProcess) => boolean = () => true,
): Promise<void> {
  for (let pass = 0; pass < MANY_PASSES; pass++) {
    for (const process of [...world.processes]) {
      if (process.asked) process.exit(0);
      else if (isWell(process)) world.probe(process, "passed");
      else process.exit(1);
    }
    for (const read of world.unread.splice(0)) read();
    await world.settle();
    world.pass();
    await world.settle();
    if (condition()) return;
    world.clock.advance(STEP_MS);
  }
  assert.fail(`It never came to ${condition}`);
}

/** Reloads, and returns whether the new generation has taken over. */
export async function reload(
  world: ModelWorld,
  isWell?: (process: ModelProcess) => boolean,
): Promise<boolean> {
  const count = world.reports.length + 1;
  world.reload(specCalled("next"));
  await until(world, () => world.reports.length === count, isWell);
  return world.reports.at(-1)!.ok;
}

/** Lets time pass without a pass in between, and makes one then. */
export async function wait(world: ModelWorld, ms: number): Promise<void> {
  world.clock.advance(ms);
  world.pass();
  await world.settle();
}
