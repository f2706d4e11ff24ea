/**
 * What the trials at one limit have said so far: one of a few requests says
 * little, and several that agree say more. Pure.
 *
 * @module
 */

import type { Elasticity } from "./latency_trend.ts";
import type { Direction } from "./trial.ts";

/** What those before count with each new one: what is longer ago may be other work. */
const MEMORY = 0.8;

/** A trial is no surer than that. */
const LEAST_ERROR = 0.01;

/** Puts trials together. */
export class Verdicts {
  readonly #known: Record<Direction, Elasticity | null> = {
    up: null,
    down: null,
  };

  /** Forgets them: the limit is another, or the work. */
  reset(): void {
    this.#known.up = this.#known.down = null;
  }

  /** Takes in what one more trial has said; returns what they all say. */
  include(direction: Direction, latest: Elasticity): Elasticity {
    const before = this.#known[direction];
    const all = before === null ? latest : together(before, latest);
    this.#known[direction] = all;
    return all;
  }
}

/** The mean of both, weighted by how sure they are. */
function together(before: Elasticity, latest: Elasticity): Elasticity {
  const weight = Math.max(LEAST_ERROR, latest.error) ** -2;
  const weightBefore = MEMORY * Math.max(LEAST_ERROR, before.error) ** -2;
  const sum = weightBefore + weight;
  return {
    value: (weightBefore * before.value + weight * latest.value) / sum,
    error: sum ** -0.5,
  };
}
