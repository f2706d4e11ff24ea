/**
 * Random walks through everything that can happen to the data plane, with the
 * rules that must hold whatever happens: see `model/`.
 *
 * With `MODEL_SEEDS=10000` as many seeds are tried; with `MODEL_SEED=7` that
 * one alone.
 *
 * @module
 */

import { ModelWorld } from "./model/model_world.ts";

/** Seeds that are tried. */
const SEEDS = Number(Deno.env.get("MODEL_SEEDS") ?? 300);

/** Things that happen in one walk. */
const STEPS = 1500;

/** How often all that has come is looked at. */
const CHECK_EVERY = 100;

function walk(seed: number): void {
  const world = new ModelWorld(seed);
  for (let step = 0; step < STEPS; step++) {
    world.step();
    if (step % CHECK_EVERY === 0) world.checkSound();
  }
  // Half of them fall silent in the middle of it all.
  if (world.calm || seed % 2 === 0) world.finish();
  world.freeze();
  world.checkEnds();
}

function walkSeed(seed: number): void {
  try {
    walk(seed);
  } catch (cause) {
    throw new Error(`MODEL_SEED=${seed}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

Deno.test("whatever happens, nothing is lost, doubled, cut unseen, or left over", () => {
  const only = Deno.env.get("MODEL_SEED");
  if (only !== undefined) return walkSeed(Number(only));
  for (let seed = 1; seed <= SEEDS; seed++) walkSeed(seed);
});
