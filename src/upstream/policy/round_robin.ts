/**
 * Each in its turn: over n free workers, every n-th request goes to the same.
 *
 * @module
 */

import { type Choice, firstEligible } from "./policy.ts";

/** Chooses the next eligible upstream in slot order. */
export function roundRobin(choice: Choice): number {
  return firstEligible(choice, choice.turn);
}
