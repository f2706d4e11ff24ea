/** What of a pool's counters a test wants to know. */

import type { Counters } from "../../src/proxy/core/counters.ts";

/** Requests that got `status`, whichever worker had them. */
export function countOf(counters: Counters, status: number): number {
  return counters.responses()
    .filter((response) => response.status === status)
    .reduce((sum, { count }) => sum + count, 0);
}
