/**
 * What `round-robin` is where the number of requests at once is adapted: each
 * worker in its turn among those with the least to do, so that nobody waits
 * beside an idle one.
 *
 * @module
 */

import type { Choice, Policy } from "./policy.ts";

/** Chooses the eligible upstream with the least load; streams are none. */
export const leastLoaded: Policy = { choose: leastBusy, sticky: false };

function leastBusy(choice: Choice): number {
  const { upstreams, eligible, turn } = choice;
  const count = upstreams.length;
  let best = -1;
  let least = Infinity;
  for (let step = 0; step < count; step++) {
    const index = turn + step < count ? turn + step : turn + step - count;
    const upstream = upstreams[index]!;
    if (upstream.load < least && eligible(upstream)) {
      best = index;
      least = upstream.load;
      if (least === 0) break;
    }
  }
  return best;
}
