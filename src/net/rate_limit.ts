/**
 * How many requests each client may make, as a token bucket for each of them.
 * Pure.
 *
 * The generic cell rate algorithm (ITU-T I.371, annex A) keeps one number for
 * a client: when its bucket will be full again. A request takes a token by
 * moving that on by the time a token takes; it may not be moved further ahead
 * than the whole bucket.
 *
 * Memory is bounded: the clients seen last are kept in two generations, and
 * when the younger is full the older is dropped. Whoever is dropped begins
 * with a full bucket again.
 *
 * @module
 */

/** Clients in each generation: about ten megabytes in all. */
const CLIENTS_PER_GENERATION = 32_768;

/** Part of a token that may be missing: sums of fractions may be a hair too large. */
const ROUNDING = 1e-6;

/** How many requests a client may make. */
export interface RateRule {
  /** Tokens that come in a second; one is taken for each request. */
  readonly perSecond: number;
  /** Tokens that a client who has been away for long has, at least 1. */
  readonly burst: number;
}

/** Keeps the buckets. */
export class RateLimit {
  readonly #tokenMs: number;
  readonly #bucketMs: number;
  readonly #clientsPerGeneration: number;
  /** When the bucket of each client will be full again. */
  #younger = new Map<string, number>();
  #older = new Map<string, number>();

  /** Creates a limit that has seen nobody. */
  constructor(
    { perSecond, burst }: RateRule,
    clientsPerGeneration: number = CLIENTS_PER_GENERATION,
  ) {
    this.#tokenMs = 1000 / perSecond;
    this.#bucketMs = this.#tokenMs * burst;
    this.#clientsPerGeneration = clientsPerGeneration;
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#younger.size + this.#older.size;
  }

  /**
   * Takes a token from a client's bucket.
   *
   * @param now In milliseconds, not before that of an earlier call.
   * @returns 0, or the milliseconds until there will be a token.
   *
   * @example
   * ```ts
   * import { RateLimit } from "./rate_limit.ts";
   * import assert from "node:assert/strict";
   *
   * const limit = new RateLimit({ perSecond: 10, burst: 2 });
   * assert.equal(limit.take("192.0.2.1", 0), 0);
   * assert.equal(limit.take("192.0.2.1", 0), 0);
   * assert.equal(limit.take("192.0.2.1", 0), 100);
   * assert.equal(limit.take("192.0.2.1", 100), 0);
   * ```
   */
  take(client: string, now: number): number {
    const known = this.#younger.get(client) ?? this.#older.get(client) ?? now;
    const full = Math.max(known, now) + this.#tokenMs;
    const waitMs = full - now - this.#bucketMs;
    const admitted = waitMs < this.#tokenMs * ROUNDING;
    this.#remember(client, admitted ? full : known);
    return admitted ? 0 : waitMs;
  }

  #remember(client: string, full: number): void {
    if (
      this.#younger.size >= this.#clientsPerGeneration &&
      !this.#younger.has(client)
    ) {
      this.#older = this.#younger;
      this.#younger = new Map();
    }
    this.#younger.set(client, full);
  }
}
