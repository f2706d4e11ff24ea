/**
 * A machine on which others take the CPU now and then. Pure.
 *
 * @module
 */

import { seededRandom } from "../../src/simulate/random.ts";

/** How long it goes on as it is, in milliseconds: after that, it is drawn anew. */
const SPELL_MS = 1_000;

/** Spells that are drawn before they come again. */
const SPELLS = 1_000;

/** Share of the spells in which workers are slower. */
const SLOW_SHARE = 0.4;

/** By what factor they are slower then, at most. */
const MOST_SLOWNESS = 2.5;

/** By what factor each worker is slower at a time: the same for all of them, or drawn for each. */
export function unevenMachine(
  seed: number,
  { workers }: { readonly workers: "alike" | "each" },
): (worker: number, now: number) => number {
  const random = seededRandom(31 * seed);
  const spells = Array.from(
    { length: SPELLS },
    () => random() < SLOW_SHARE ? 1 + (MOST_SLOWNESS - 1) * random() : 1,
  );
  return (worker, now) => {
    const shift = workers === "alike" ? 0 : worker * (SPELLS >> 1);
    return spells[(Math.floor(now / SPELL_MS) + shift) % SPELLS]!;
  };
}
