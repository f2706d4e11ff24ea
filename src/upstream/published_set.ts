/**
 * The upstreams that may be given work, and which of them is given a request:
 * its generation's, those first that have had their slow start, and of these
 * whichever the policy chooses.
 *
 * The set is replaced whole.
 *
 * @module
 */

import {
  GenerationSubsets,
  inSlotOrder,
  type Subset,
  turnIn,
} from "./generation_subsets.ts";
import { firstEligible, type Policy } from "./policy/policy.ts";
import type { ClaimRequest } from "./request_queue.ts";
import { SlowStart } from "./slow_start.ts";
import type { Upstream } from "./upstream.ts";
import type { WorkerLimit } from "./worker_limit.ts";

/** How upstreams are chosen. */
export interface PublishedSetOptions {
  readonly policy: Policy;
  /** How long the share of a new upstream grows, in milliseconds. @default {0: its share is full at once} */
  readonly slowStartMs?: number;
  /** Whether requests may belong to a generation. @default {false} */
  readonly skewProtection?: boolean;
  /** Uniform in [0, 1). @default {Math.random} */
  readonly random?: () => number;
}

/** Holds the published set, and chooses from it. */
export class PublishedSet {
  readonly #policy: Policy;
  readonly #limit: WorkerLimit;
  /** Everybody's. */
  readonly #all: Subset;
  /** Those who are given requests of their own clients alone. */
  #former: readonly Upstream[] = [];
  readonly #named = new Map<string, Upstream>();
  /** `null` where no request belongs to a generation. */
  readonly #subsets: GenerationSubsets | null;
  readonly #slowStart: SlowStart | null;
  #avoid: Upstream | null = null;
  /** Who is set apart: requests are not given to it. */
  readonly #setApart: () => Upstream | null;

  /** Creates a set with nobody in it. */
  constructor(
    options: PublishedSetOptions,
    limit: WorkerLimit,
    setApart: () => Upstream | null = () => null,
  ) {
    const { policy, slowStartMs = 0 } = options;
    this.#policy = policy;
    this.#limit = limit;
    this.#setApart = setApart;
    this.#slowStart = slowStartMs > 0
      ? new SlowStart({ slowStartMs, sticky: policy.sticky })
      : null;
    this.#subsets = options.skewProtection ? new GenerationSubsets() : null;
    this.#all = {
      upstreams: [],
      eligible: (upstream) => this.#eligible(upstream),
      turn: 0,
      clientHash: 0,
      random: options.random ?? Math.random,
    };
  }

  /** Everybody's, in slot order. */
  get upstreams(): readonly Upstream[] {
    return this.#all.upstreams;
  }

  /** Those that are kept for their own clients, in slot order. */
  get former(): readonly Upstream[] {
    return this.#former;
  }

  /** The upstream of that name, as far as it may be given work; `null` when there is none. */
  named(name: string): Upstream | null {
    return this.#named.get(name) ?? null;
  }

  /** Whether not all requests are given the same upstreams. */
  get several(): boolean {
    return this.#subsets?.several ?? false;
  }

  /** Replaces the set, and those that are kept beside it. */
  replace(
    upstreams: readonly Upstream[],
    former: readonly Upstream[],
  ): void {
    const old = this.#all.upstreams;
    const set = inSlotOrder(upstreams);
    for (const upstream of [...old, ...this.#former]) {
      upstream.setAccepting(false);
    }
    this.#former = Object.freeze(inSlotOrder(former));
    this.#named.clear();
    for (const upstream of [...set, ...this.#former]) {
      upstream.setAccepting(true);
      this.#named.set(upstream.name, upstream);
    }
    this.#slowStart?.follow(old, set);
    this.#all.turn = turnIn(set, this.#all);
    this.#all.upstreams = Object.freeze(set);
    this.#subsets?.follow(this.#all, this.#former);
  }

  /** Lets the shares of new upstreams grow. */
  sweep(now: number): void {
    this.#slowStart?.advance(now);
  }

  /** Who may be given the request: its generation for as long as there is one of it, and then everybody's. */
  subsetOf({ generation }: ClaimRequest): Subset {
    return generation === null
      ? this.#all
      : this.#subsets?.of(generation) ?? this.#all;
  }

  /** Who of `subset` is given the request; `null` when nobody may be given it now. */
  choose(subset: Subset, request: ClaimRequest): Upstream | null {
    const count = subset.upstreams.length;
    if (count === 0) return null;
    this.#avoid = request.avoid;
    subset.clientHash = request.clientHash;
    // Who belongs to a generation cannot choose to go easy on it.
    let index = subset === this.#all && this.#slowStart?.active
      ? this.#chooseSlowly(this.#slowStart)
      : this.#policy.choose(subset);
    if (index < 0 && request.avoid !== null) {
      // Better the one that failed than none: it may be the only one.
      this.#avoid = null;
      index = firstEligible(subset, subset.turn);
    }
    if (index < 0) return null;
    subset.turn = index + 1 < count ? index + 1 : 0;
    return subset.upstreams[index]!;
  }

  /** Chooses while upstreams are new: those have a share of the requests that would go to them. */
  #chooseSlowly(slowStart: SlowStart): number {
    const choice = this.#all;
    const { eligible, clientHash } = choice;
    slowStart.credit();
    choice.eligible = (upstream) =>
      eligible(upstream) && slowStart.admits(upstream, clientHash);
    let index = this.#policy.choose(choice);
    choice.eligible = eligible;
    // Better one that is new than to let the request wait.
    if (index < 0) index = this.#policy.choose(choice);
    if (index >= 0) slowStart.spend(choice.upstreams[index]!);
    return index;
  }

  #eligible(upstream: Upstream): boolean {
    return upstream.accepting && upstream !== this.#avoid &&
      upstream !== this.#setApart() &&
      this.#limit.admits(upstream);
  }
}
