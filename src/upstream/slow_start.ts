/**
 * Slow start: a worker that has just come gets a small share of the requests,
 * which grows to a full one, while its caches and its code warm up. Pure.
 *
 * The share is that of weighted balancing: a worker at a quarter gets one
 * request where the others get four each. It is kept by counting, not by
 * chance: each claim credits the worker with its part of one, and it may be
 * chosen when a whole one has come together. Where clients belong to workers,
 * the share is one of clients: each moves over once, as the share grows.
 *
 * As in Envoy and nginx, a worker that comes back from being unhealthy starts
 * slowly too, and as there, workers that all start together are equals.
 *
 * @module
 */

import { mix } from "./policy/ip_hash.ts";
import type { Upstream } from "./upstream.ts";

/** Share at the beginning. Less would leave a worker cold for most of the time; Envoy's default too. */
const FIRST_SHARE = 0.1;

/** Credit that is kept at most, in requests: one that was idle is not flooded. */
const MAX_CREDIT = 2;

/** Sets the draw for a worker's share apart from the one that ranks the workers. */
const SHARE_SALT = 0x85ebca77;

/** A worker on its way up. */
interface Ramp {
  /** On the clock of {@linkcode SlowStart.advance}; `null` until that is next called. */
  startedAt: number | null;
  /** In (0, 1]. */
  share: number;
  /** Requests it may be given. */
  credit: number;
}

/** What slow start is to do. */
export interface SlowStartOptions {
  /** How long the share grows, in milliseconds. */
  readonly slowStartMs: number;
  /** Whether clients belong to workers. */
  readonly sticky: boolean;
}

/** Knows the share of each new worker, and keeps it to that. */
export class SlowStart {
  readonly #options: SlowStartOptions;
  readonly #ramps = new Map<Upstream, Ramp>();
  /** Workers published, those with a full share included. */
  #size = 0;
  /** What the shares are multiplied with: where all are new, the largest is a full one. */
  #scale = 1;
  /** Of the shares of all, scaled. */
  #sum = 0;

  /** Creates one that follows nobody yet. */
  constructor(options: SlowStartOptions) {
    this.#options = options;
  }

  /** Whether any worker has less than a full share. */
  get active(): boolean {
    return this.#ramps.size > 0;
  }

  /** Takes note that `old` was replaced by `set`: who is new starts slowly. */
  follow(old: readonly Upstream[], set: readonly Upstream[]): void {
    for (const upstream of this.#ramps.keys()) {
      if (!set.includes(upstream)) this.#ramps.delete(upstream);
    }
    for (const upstream of set) {
      if (old.includes(upstream)) continue;
      this.#ramps.set(upstream, {
        startedAt: null,
        share: FIRST_SHARE,
        credit: 0,
      });
    }
    this.#size = set.length;
    this.#settle();
  }

  /** Lets the shares grow to what they are at `now`, in milliseconds. */
  advance(now: number): void {
    if (this.#ramps.size === 0) return;
    for (const [upstream, ramp] of this.#ramps) {
      ramp.startedAt ??= now;
      const ratio = (now - ramp.startedAt) / this.#options.slowStartMs;
      if (ratio >= 1) this.#ramps.delete(upstream);
      ramp.share = FIRST_SHARE + (1 - FIRST_SHARE) * ratio;
    }
    this.#settle();
  }

  /** Credits the new workers with their part of a request that is to be given to somebody. */
  credit(): void {
    for (const ramp of this.#ramps.values()) {
      const credit = ramp.credit + ramp.share * this.#scale / this.#sum;
      ramp.credit = Math.min(credit, MAX_CREDIT);
    }
  }

  /** Whether the worker's share allows it a request of this client. */
  admits(upstream: Upstream, clientHash: number): boolean {
    const ramp = this.#ramps.get(upstream);
    if (ramp === undefined) return true;
    const share = ramp.share * this.#scale;
    if (share >= 1) return true;
    if (!this.#options.sticky) return ramp.credit >= 1;
    const salt = Math.imul(upstream.id + 1, SHARE_SALT);
    return mix(clientHash ^ salt) < share * 2 ** 32;
  }

  /** Takes note that the worker was given a request. */
  spend(upstream: Upstream): void {
    const ramp = this.#ramps.get(upstream);
    if (ramp !== undefined) ramp.credit = Math.max(0, ramp.credit - 1);
  }

  #settle(): void {
    const shares = [...this.#ramps.values()].map(({ share }) => share);
    const full = this.#size - shares.length;
    this.#scale = full > 0 ? 1 : 1 / Math.max(...shares);
    this.#sum = shares.reduce((sum, x) => sum + x * this.#scale, full);
  }
}
