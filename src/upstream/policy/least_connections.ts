/**
 * The worker with the fewest requests in flight; equals take turns.
 *
 * @module
 */

import type { Choice, Policy } from "./policy.ts";

/** Chooses the eligible upstream with the fewest exchanges in flight. */
export const leastConnections: Policy = { choose: leastBusy, sticky: false };

function leastBusy(choice: Choice): number {
  const { upstreams, eligible, turn } = choice;
  const count = upstreams.length;
  let best = -1;
  let fewest = Infinity;
  for (let step = 0; step < count; step++) {
    const index = (turn + step) % count;
    const upstream = upstreams[index]!;
    if (upstream.inFlight < fewest && eligible(upstream)) {
      best = index;
      fewest = upstream.inFlight;
    }
  }
  return best;
}
