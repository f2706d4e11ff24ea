/**
 * Finds the worker that passes its probes and fails the requests it is given,
 * where its peers serve the same ones.
 *
 * Such a worker fails fast, is less busy than the others for it, and is given
 * more requests than they are. It is taken out of rotation first, and condemned
 * only if its peers do not fail what it would have been given.
 *
 * One worker of the pool at a time, and more and more seldom, so that what is
 * misjudged, or cannot be mended by another process, costs next to nothing.
 *
 * Pure: it is handed what has been counted, and `now`.
 *
 * @module
 */

import {
  type Comparison,
  judgeOutlier,
  outcomesSince,
  wellPeers,
  whoseDoing,
} from "./outlier.ts";
import { type Outcomes, outcomesOf, sumOutcomes } from "./outcomes.ts";
import type { Worker } from "./worker.ts";

/** How often it is looked what has been counted, in milliseconds: so long a window is at least. */
const SAMPLE_MS = 1_000;

/** Windows in a row in which a worker has to fail: in one, it may have lost a connection and made another. */
const WINDOWS = 2;

/** Longest window, in milliseconds: what was counted before is not of late. */
const LONGEST_WINDOW_MS = 300_000;

/** How long it is waited at most for what the peers make of its requests, in milliseconds: that of a request that takes as long as most may. */
const LONGEST_TRIAL_MS = 120_000;

/** How many times as long as its requests took on average these are waited for: those that time out do so with its peers as late. */
const LATENCY_FACTOR = 1.5;

/** First wait between two suspicions, in milliseconds: of several workers that have broken, the next is soon found. */
const FIRST_WAIT_MS = 10_000;

/** How many times as long the next wait is. */
const WAIT_FACTOR = 4;

/** Longest wait, in milliseconds, and the time without a suspicion that takes one factor back: four an hour cost nothing. */
const LONGEST_WAIT_MS = 900_000;

/** What has been counted of each worker at one moment. */
type Sample = ReadonlyMap<Worker, Outcomes>;

/** The time over which a worker is compared with its peers. */
interface Window {
  readonly since: Sample;
  readonly at: number;
  /** Those before it, in a row, in which it was an outlier. */
  readonly outlying: readonly Comparison[];
}

/** A worker that is out of rotation for what it fails. */
interface Suspicion {
  readonly worker: Worker;
  readonly comparison: Comparison;
  /** Its peers that are well. */
  readonly peers: readonly Worker[];
  readonly since: Sample;
  readonly at: number;
}

/** What has been found. */
export type OutlierVerdict =
  /** It is to be taken out of rotation. */
  | {
    readonly type: "suspected";
    readonly worker: Worker;
    readonly comparison: Comparison;
  }
  /** It is to be replaced. */
  | { readonly type: "condemned"; readonly worker: Worker }
  /** It is to be given work again; `peers` is what these have failed meanwhile. */
  | {
    readonly type: "acquitted";
    readonly worker: Worker;
    readonly peers: Outcomes;
  };

/** Who is looked at, and how. */
export interface OutlierView {
  /** Workers of one generation that are given work. */
  readonly serving: readonly Worker[];
  /** Whether clients are tied to workers: a status is the client's affair then. */
  readonly tied: boolean;
  readonly now: number;
}

/** Judges workers by what came of their requests. */
export class OutlierDetector {
  #windows = new WeakMap<Worker, Window>();
  #sampledAt = -Infinity;
  #suspicion: Suspicion | null = null;
  /** Before this time nobody is suspected. */
  #nextAt = -Infinity;
  #suspectedAt = -Infinity;
  /** Suspicions of late, as far as time has not paid them back. */
  #debt = 0;

  /** The worker that is on trial; `null` when none is. */
  get onTrial(): Worker | null {
    return this.#suspicion?.worker ?? null;
  }

  /** Looks at what has been counted, if it is time to; returns what follows. */
  assess({ serving, tied, now }: OutlierView): OutlierVerdict | null {
    if (now < this.#sampledAt + SAMPLE_MS) return null;
    this.#sampledAt = now;
    const sample: Sample = new Map(
      serving.map((worker) => [worker, countedOf(worker, tied)]),
    );
    if (this.#suspicion !== null) {
      return this.#settle(this.#suspicion, sample, now);
    }
    const found = serving
      .map((worker) => this.#compare(worker, sample, now))
      .find((suspicion) => suspicion !== null);
    return found === undefined || now < this.#nextAt
      ? null
      : this.#suspect(found);
  }

  /** Begins anew: what has been counted so far says nothing of what is to come. */
  reset(): void {
    this.#windows = new WeakMap();
    this.#suspicion = null;
  }

  /** When to look again at the latest; never, while nobody is to be looked at. */
  nextCheckAt(now: number): number {
    const at = this.#sampledAt + SAMPLE_MS;
    return at > now ? at : Infinity;
  }

  /** Compares a worker with its peers, where its window is over; returns what it is suspected of. */
  #compare(worker: Worker, sample: Sample, now: number): Suspicion | null {
    const window = this.#windows.get(worker);
    if (window === undefined || now > window.at + LONGEST_WINDOW_MS) {
      this.#windows.set(worker, { since: sample, at: now, outlying: [] });
      return null;
    }
    const counted = new Map(
      [...sample].map(([other, outcomes]) =>
        [other, outcomesSince(outcomes, window.since.get(other))] as const
      ),
    );
    const own = counted.get(worker)!;
    counted.delete(worker);
    const peers = wellPeers(counted);
    const comparison = {
      own,
      peers: sumOutcomes(peers.map((peer) => counted.get(peer)!)),
    };
    const verdict = judgeOutlier(comparison);
    if (verdict === "open") return null;
    const outlying = verdict === "outlier"
      ? [...window.outlying, comparison].slice(-WINDOWS)
      : [];
    this.#windows.set(worker, { since: sample, at: now, outlying });
    return outlying.length < WINDOWS ? null : {
      worker,
      comparison: {
        own: sumOutcomes(outlying.map(({ own }) => own)),
        peers: sumOutcomes(outlying.map(({ peers }) => peers)),
      },
      peers,
      since: sample,
      at: now,
    };
  }

  #suspect(suspicion: Suspicion): OutlierVerdict {
    const { worker, comparison, at } = suspicion;
    const paidBack = Math.floor((at - this.#suspectedAt) / LONGEST_WAIT_MS);
    this.#debt = Math.max(0, this.#debt - paidBack);
    this.#nextAt = at +
      Math.min(FIRST_WAIT_MS * WAIT_FACTOR ** this.#debt++, LONGEST_WAIT_MS);
    this.#suspectedAt = at;
    this.#suspicion = suspicion;
    return { type: "suspected", worker, comparison };
  }

  /** Looks at what its peers make of the requests it would have been given. */
  #settle(
    { worker, comparison, peers, since, at }: Suspicion,
    sample: Sample,
    now: number,
  ): OutlierVerdict | null {
    const left = peers.filter((peer) => sample.has(peer));
    const after = sumOutcomes(
      left.map((peer) => outcomesSince(sample.get(peer)!, since.get(peer))),
    );
    const { own } = comparison;
    const leastMs = own.latencySumMs / own.requests * LATENCY_FACTOR;
    const last = now >= at + LONGEST_TRIAL_MS;
    if (!last && now < at + leastMs) return null;
    const whose = left.length === 0
      // Nobody is left to compare it with.
      ? "requests"
      : whoseDoing(comparison, after, last);
    if (whose === "open") return null;
    this.reset();
    return whose === "worker"
      ? { type: "condemned", worker }
      : { type: "acquitted", worker, peers: after };
  }
}

/** What has come of its requests so far; where clients are tied to it, a status is no error of its own. */
function countedOf(worker: Worker, tied: boolean): Outcomes {
  const outcomes = outcomesOf(worker);
  return tied
    ? { ...outcomes, errors: worker.upstream.figures.failures }
    : outcomes;
}
