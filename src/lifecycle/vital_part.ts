/**
 * A part of the pool that has to go on working, or the pool is of no use and
 * had better be started anew.
 *
 * @module
 */

/**
 * One such part. The event loop is none of them: who asks them runs on it.
 * What works on a thread of its own responds from there.
 */
export interface VitalPart {
  /** What it is, as a sentence part: `"the reconciler"`. */
  readonly name: string;
  /** Resolves once it has done a turn of its work that it began after this call. */
  pulse(): Promise<void>;
}
