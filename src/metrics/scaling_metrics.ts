/**
 * What `/_metrics` shows of scaling: what was decided, what is held back, and
 * on which grounds.
 *
 * @module
 */

import type {
  PoolScaledEvent,
  ScalingGrounds,
  ScalingHeldEvent,
} from "../events/mod.ts";
import { rounded } from "./rounded.ts";

/** Why the number of workers is what it is. Times are ISO 8601, UTC. */
export interface ScalingGroundsMetrics {
  /** When it was decided, or first held back. */
  readonly at: string;
  /** Workers the rule asks for, whatever the limits. */
  readonly needed: number;
  /** The rule that asks, as in {@linkcode ScalingGrounds}. */
  readonly reason: string;
  /** The rule that limits, as in {@linkcode ScalingGrounds}; `null` when none does. */
  readonly limitedBy: string | null;
  /** Which window decides; `null` for a command. */
  readonly mode: "stable" | "panic" | null;
  /** The figures it rests on. */
  readonly inputs: Readonly<Record<string, number>>;
  /** When the pool may grow next, but for bursts; `null` when it is as large as it may be. */
  readonly mayGrowAt: string | null;
  /** When it may shrink next. */
  readonly mayShrinkAt: string | null;
}

/** One change of the wanted number of workers. */
export interface ScalingMetrics extends ScalingGroundsMetrics {
  /** What it was before. */
  readonly from: number;
  /** What it is now. */
  readonly to: number;
}

/** Another number of workers that is asked for and held back. */
export interface ScalingHeldMetrics extends ScalingGroundsMetrics {
  /** Workers wanted now. */
  readonly workers: number;
}

/** Turns a change into what is shown of it. */
export function scalingMetrics(
  change: Omit<PoolScaledEvent, "type">,
): ScalingMetrics {
  const { from, to } = change;
  return { at: iso(change.at), from, to, ...grounds(change) };
}

/** Turns a recommendation that is deferred into what is shown of it. */
export function scalingHeldMetrics(
  deferred: Omit<ScalingHeldEvent, "type">,
): ScalingHeldMetrics {
  const { at, workers } = deferred;
  return { at: iso(at), workers, ...grounds(deferred) };
}

function grounds(
  grounds: ScalingGrounds,
): Omit<ScalingGroundsMetrics, "at"> {
  const { needed, reason, limitedBy, mode, mayGrowAt, mayShrinkAt } = grounds;
  return {
    needed,
    reason,
    limitedBy,
    mode,
    inputs: Object.fromEntries(
      Object.entries(grounds.inputs)
        .map(([name, value]) => [name, rounded(value)]),
    ),
    mayGrowAt: mayGrowAt === null ? null : iso(mayGrowAt),
    mayShrinkAt: mayShrinkAt === null ? null : iso(mayShrinkAt),
  };
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
