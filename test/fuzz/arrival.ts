/**
 * How a stream comes to us.
 *
 * @module
 */

import { checksum } from "./corpus.ts";
import type { ReadOptions } from "./our_view.ts";
import { Random } from "./random.ts";

/** Reads that a stream is cut into, beside the last one. */
const CUTS = 3;

/** Cuts and the trust in the peer: any, but for the same stream always the same. */
export function arrivalOf(input: string): Required<ReadOptions> {
  const random = new Random(checksum(input), 0);
  const cuts = Array.from(
    { length: CUTS },
    () => random.below(input.length + 1),
  );
  return {
    trusted: random.below(2) === 1,
    cuts: cuts.sort((a, b) => a - b),
  };
}
