/**
 * Measuring until an engine has compiled what it runs.
 *
 * @module
 */

/** Two rounds agree when they differ by no more than this share of the greater. */
const TOLERANCE = 0.1;

/** How often is measured. */
export interface SettlingLimits {
  /** At least two, or there is nothing to agree. */
  readonly atLeast: number;
  /** What never settles must not keep us for ever. */
  readonly atMost: number;
}

/** What was measured on the way. */
export interface Settling {
  /** One figure a round, in their order. */
  readonly rounds: readonly number[];
  /** Whether the last two agree. */
  readonly settled: boolean;
}

/** Measures one round after the other until two in succession agree within 10 %. */
export async function untilSettled(
  measure: () => Promise<number>,
  { atLeast, atMost }: SettlingLimits,
): Promise<Settling> {
  const rounds: number[] = [];
  let settled = false;
  while (rounds.length < atLeast || (!settled && rounds.length < atMost)) {
    rounds.push(await measure());
    settled = agree(rounds.at(-2) ?? NaN, rounds.at(-1)!);
  }
  return { rounds, settled };
}

/** What could not be had, NaN, agrees with nothing. */
function agree(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * Math.max(a, b);
}
