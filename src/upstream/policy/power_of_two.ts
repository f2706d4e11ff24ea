/**
 * The less busy of two drawn at random.
 *
 * M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing",
 * IEEE TPDS 12(10), 2001.
 *
 * @module
 */

import { type Choice, firstEligible } from "./policy.ts";

/** Draws two upstreams and chooses the one with fewer exchanges in flight. */
export function powerOfTwo(choice: Choice): number {
  const { upstreams, random } = choice;
  const count = upstreams.length;
  const first = firstEligible(choice, Math.floor(random() * count));
  if (first < 0 || count === 1) return first;
  // The second is drawn from the others, so that the two always differ.
  const offset = 1 + Math.floor(random() * (count - 1));
  const second = firstEligible(choice, (first + offset) % count);
  return upstreams[second]!.inFlight < upstreams[first]!.inFlight
    ? second
    : first;
}
