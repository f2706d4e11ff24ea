/**
 * Each in its turn: over n free workers, every n-th request goes to the same.
 *
 * @module
 */

import { type Choice, firstEligible, type Policy } from "./policy.ts";

/** Chooses the next eligible upstream in slot order. */
export const roundRobin: Policy = { choose: next, sticky: false };

function next(choice: Choice): number {
  return firstEligible(choice, choice.turn);
}
