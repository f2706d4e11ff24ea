/**
 * The less busy of two drawn at random.
 *
 * M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing",
 * IEEE TPDS 12(10), 2001.
 *
 * @module
 */

import { type Choice, firstEligible, type Policy } from "./policy.ts";

/**
 * Draws that may meet ineligible upstreams before the set is searched. A draw
 * favours nobody; the search favours whoever stands after an ineligible one.
 */
const MAX_DRAWS = 8;

/** Draws two eligible upstreams and chooses the one with fewer exchanges in flight. */
export const powerOfTwo: Policy = { choose: lessBusyOfTwo, sticky: false };

function lessBusyOfTwo(choice: Choice): number {
  const { upstreams } = choice;
  const first = draw(choice, 0, upstreams.length);
  if (first < 0 || upstreams.length === 1) return first;
  // Counted from the first one's neighbour, so that the two always differ.
  const second = draw(choice, first + 1, upstreams.length - 1);
  return upstreams[second]!.inFlight < upstreams[first]!.inFlight
    ? second
    : first;
}

/** Draws one of the `count` upstreams from index `from` on, around the end. */
function draw(choice: Choice, from: number, count: number): number {
  const { upstreams, eligible, random } = choice;
  let index = 0;
  for (let draws = 0; draws < MAX_DRAWS; draws++) {
    index = (from + Math.floor(random() * count)) % upstreams.length;
    if (eligible(upstreams[index]!)) return index;
  }
  return firstEligible(choice, index);
}
