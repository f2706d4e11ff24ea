/**
 * What is held against requests whose worker was lost with them.
 *
 * @module
 */

/** A worker that was lost, perhaps for a request: the same to all that it had in flight. */
export interface Loss {
  /** Whether it has turned out which of them was the reason. */
  solved: boolean;
}

/** That a request may have ended its worker. */
export interface Suspicion {
  readonly loss: Loss;
  /** Whether the last worker there is must not be given it. */
  readonly sparesLast: boolean;
  /** How long the worker had had it, in milliseconds. */
  readonly ageMs: number;
}
