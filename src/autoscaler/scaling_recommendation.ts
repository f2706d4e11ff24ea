/**
 * What the scaling algorithm says: a decision, or a recommendation that was
 * deferred, each with its grounds.
 *
 * @module
 */

/** The rule that asks for another number of workers. */
export type ScalingReason =
  /** More requests per worker than SCALE_UP_RATE. */
  | "rate"
  /** All through the long window every worker was at its cap, or busy while requests waited. */
  | "queue"
  /** Fewer requests per worker than SCALE_DOWN_RATE. */
  | "idle";

/** The rule that keeps the number from being what was asked for. */
export type ScalingLimit =
  /** MAX_WORKERS. */
  | "max-workers"
  /** What MAX_WORKERS=auto allows for the CPUs available. */
  | "cpus"
  /** What MAX_WORKERS=auto allows for the memory available. */
  | "memory"
  /** MIN_WORKERS. */
  | "min-workers"
  /** Of a pool that shrinks, half stays until the delay has passed again. */
  | "half"
  /** Only the last sample shows a rise: the next one has the whole of it. */
  | "next-sample"
  /** The last change was less than SCALE_INTERVAL_MS ago. */
  | "interval"
  /** The rate has not been low for SCALE_DOWN_DELAY_MS yet. */
  | "down-delay"
  /** A burst has just been answered. */
  | "panic";

/** Which window decides, in Knative's words: a burst is followed by the short one. */
export type ScalingMode = "stable" | "panic";

/** What the algorithm says. A decision when `to` is not `from`, else a recommendation that is deferred. */
export interface ScalingRecommendation {
  /** Workers wanted so far. */
  readonly from: number;
  /** Workers wanted from now on. */
  readonly to: number;
  /** Workers the rule asks for, whatever the limits. */
  readonly needed: number;
  /** The rule that asks. */
  readonly reason: ScalingReason;
  /** The rule that limits, or `null` when the rule gets what it asks for. */
  readonly limitedBy: ScalingLimit | null;
  /** Which window decides. */
  readonly mode: ScalingMode;
  /** The figures it rests on. */
  readonly inputs: Readonly<Record<string, number>>;
  /**
   * When the pool may grow next, on the clock of the samples; `null` when it
   * is as large as it may be. A burst is answered before that time.
   */
  readonly mayGrowAt: number | null;
  /** When it may shrink next, on the same clock. */
  readonly mayShrinkAt: number;
}

/** Whether the recommendation changes anything. */
export function isDecision({ from, to }: ScalingRecommendation): boolean {
  return from !== to;
}
