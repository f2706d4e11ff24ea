/**
 * Measuring on a machine that others use too.
 *
 * @module
 */

import { ForeignCpu, untilIdle } from "./foreign_cpu.ts";

/** Share of the cores that others may have before a round is made again. */
const TOLERABLE_SHARE = 0.05;

/** Times a round is made; a machine that is never quiet must not keep us for ever. */
const MAX_TRIES = 2;

/** A round with what others took of the machine meanwhile. */
export interface Disturbed<Round> {
  readonly round: Round;
  /** Share of all cores, 0 to 1. */
  readonly foreignCpu: number;
}

/**
 * Measures, and again while others take much of the machine; returns the round
 * in which they took least. What was measured plays no part in that.
 */
export async function leastDisturbed<Round>(
  measure: () => Promise<Round>,
): Promise<Disturbed<Round>> {
  let best: Disturbed<Round> | null = null;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    await untilIdle();
    const foreign = new ForeignCpu();
    const round = await measure();
    const foreignCpu = foreign.share();
    if (best === null || foreignCpu < best.foreignCpu) {
      best = { round, foreignCpu };
    }
    if (foreignCpu <= TOLERABLE_SHARE) break;
  }
  return best!;
}
