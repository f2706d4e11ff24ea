/**
 * What is known of the requests that workers have.
 *
 * @module
 */

import type { ClaimRequest } from "../request_queue.ts";
import type { Linked, LinkedList } from "../linked_list.ts";
import type { Upstream } from "../upstream.ts";
import { MOST_PLACES, type SampledRequest } from "./latency_sample.ts";

/** A request that a worker has. A member of what that one works at, or of what is overdue. */
export class Claim implements Linked<Claim> {
  next: Claim | null = null;
  previous: Claim | null = null;
  /** Its place among all claims. */
  readonly entry: Entry = { claim: this, next: null, previous: null };
  state: ClaimState = "working";
  /** How many came later to its worker, and were served before; -1 when those were enough. */
  overtakings = 0;

  claimedAt = 0;
  /** Of those that were claimed, the how many-th it is. */
  order = 0;
  /** What is known of its content: it came with the head, or is awaited, or has been for long. */
  upload: "none" | "awaited" | "slow" = "none";
  sampled: SampledRequest | null = null;
  /** Whether its worker has done its part, and what is left waits for the client. */
  relieved = false;

  constructor(public request: ClaimRequest | null, public upstream: Upstream) {}
}

/** A place in the list of all claims. */
export interface Entry extends Linked<Entry> {
  readonly claim: Claim;
}

/** `overdue` may be work all the same, `idle` is none. */
export type ClaimState = "working" | "overdue" | "idle";

/** What is known of a worker. */
export interface WorkerState {
  /** What it works at, in the order in which it was claimed. */
  readonly working: LinkedList<Claim>;
  /** Of those, the oldest that may keep the others waiting: nobody has overtaken it, or too few. */
  oldest: Claim | null;
  /** What has taken it too long to be work. */
  readonly overdue: LinkedList<Claim>;
  /** Of those that it has served, the one that was claimed last: the how many-th that was. */
  latest: number;
  /** How many have taken too long since it has last finished one, while others did. */
  unheard: number;
  /** How many had been finished, by all workers, when the last of them was found to. */
  finished: number;
}

/** How many are older, as far as it matters. */
export function placeOf(claim: Claim, working: LinkedList<Claim>): number {
  let place = 0;
  for (const other of working) {
    if (other === claim || place === MOST_PLACES) break;
    place++;
  }
  return place;
}

/** What is known of a request that a worker has; `null` where none has it. */
export function claimOf({ claim }: ClaimRequest): Claim | null {
  return claim instanceof Claim ? claim : null;
}
