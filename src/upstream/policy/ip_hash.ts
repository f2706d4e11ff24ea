/**
 * The same client goes to the same worker for as long as that one may be
 * given work, and when workers come and go only their clients move.
 *
 * Rendezvous hashing: D. Thaler and C. Ravishankar, "Using Name-Based
 * Mappings to Increase Hit Rates", IEEE/ACM ToN 6(1), 1998.
 *
 * @module
 */

import type { Choice, Policy } from "./policy.ts";

/** Chooses the eligible upstream with the highest weight for this client. */
export const ipHash: Policy = { choose: ofClient, sticky: true };

function ofClient(choice: Choice): number {
  const { upstreams, eligible, clientHash } = choice;
  let best = -1;
  let highest = -1;
  for (let index = 0; index < upstreams.length; index++) {
    const upstream = upstreams[index]!;
    const weight = mix(clientHash ^ Math.imul(upstream.id + 1, 0x9e3779b1));
    if (weight > highest && eligible(upstream)) {
      best = index;
      highest = weight;
    }
  }
  return best;
}

/** FNV-1a over the characters of a client's address. */
export function hashClient(address: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < address.length; i++) {
    hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/** The finaliser of MurmurHash3: every bit of the input moves every bit of the output. */
export function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
