/**
 * The rules a simulation can follow: ours, and others to compare it with.
 *
 * @module
 */

import {
  decideScale,
  INITIAL_SCALING,
  type ScalingOptions,
  type ScalingState,
} from "../autoscaler/algorithm.ts";
import {
  samplePeriodMs,
  type ScalingSample,
} from "../autoscaler/load_window.ts";
import { isDecision } from "../autoscaler/scaling_recommendation.ts";

/** What a rule is shown. */
export interface Observation extends Omit<ScalingSample, "memoryCeiling"> {
  /** How busy the ready workers were since the last look, 0-1. */
  readonly utilisation: number;
}

/** Another number of workers. */
export interface RuleDecision {
  readonly to: number;
  /** Why, as a sentence part. */
  readonly reason: string;
}

/** Decides from one look to the next. */
export interface Rule {
  /** Milliseconds between two looks. */
  readonly periodMs: number;
  /** Returns another number of workers, or `null`. */
  readonly look: (observation: Observation) => RuleDecision | null;
}

/** How a rule is called and made. */
export interface RuleKind {
  /** One line, with the source where it is somebody else's. */
  readonly help: string;
  readonly create: (options: ScalingOptions) => Rule;
}

/** The name of our own. */
export const OWN_RULE = "prefork-pool";

/** The rules by name. */
export const RULES: Readonly<Record<string, RuleKind>> = {
  [OWN_RULE]: {
    help: "to the number that is needed, at once (src/autoscaler/)",
    create: ownRule,
  },
  "one-at-a-time": {
    help: "one worker more or fewer every SCALE_INTERVAL_MS, same thresholds",
    create: oneAtATime,
  },
  "watt": {
    help: "Platformatic Watt 3, defaults: utilisation above 0.8 over 10 s " +
      "adds one, below 0.2 over 60 s removes one, cooldown 20 s " +
      "(https://docs.platformatic.dev/docs/guides/dynamic-workers)",
    create: watt,
  },
};

function ownRule(options: ScalingOptions): Rule {
  let state: ScalingState = INITIAL_SCALING;
  return {
    periodMs: samplePeriodMs(options),
    look: (observation) => {
      const sample = { ...observation, memoryCeiling: null };
      const step = decideScale(state, sample, options);
      state = step.state;
      const { recommendation } = step;
      if (recommendation === null || !isDecision(recommendation)) return null;
      const { to, reason, limitedBy } = recommendation;
      const limit = limitedBy === null ? "" : `, limited by ${limitedBy}`;
      return { to, reason: reason + limit };
    },
  };
}

function oneAtATime(options: ScalingOptions): Rule {
  let previous: Observation | null = null;
  return {
    periodMs: options.scaleIntervalMs,
    look: (observation) => {
      const before = previous;
      previous = observation;
      if (before === null) return null;
      const elapsedS = (observation.at - before.at) / 1_000;
      const rate = (observation.requests - before.requests) / elapsedS;
      const perWorker = rate / Math.max(observation.ready, 1);
      if (perWorker > options.scaleUpRate) {
        return step(observation.desired, 1, options);
      }
      if (perWorker < options.scaleDownRate) {
        return step(observation.desired, -1, options);
      }
      return null;
    },
  };
}

/** `workers.cooldown` and the windows of Watt 3, in milliseconds. */
const WATT = {
  periodMs: 1_000,
  upWindowMs: 10_000,
  downWindowMs: 60_000,
  cooldownMs: 20_000,
  /** A look it takes even when no worker is busy. */
  checkMs: 60_000,
  upUtilisation: 0.8,
  downUtilisation: 0.2,
} as const;

/**
 * Watt measures the share of time the event loop of a worker is busy. In the
 * model that is the share of its capacity that is used. A worker's first 30
 * seconds do not count with Watt; here all are equally busy, so that it makes
 * no difference.
 */
function watt(options: ScalingOptions): Rule {
  let seen: readonly Observation[] = [];
  let changedAt = -Infinity;
  let checkedAt = 0;

  function mean({ at }: Observation, windowMs: number): number {
    const window = seen.filter((o) => o.at > at - windowMs);
    return window.reduce((sum, o) => sum + o.utilisation, 0) / window.length;
  }

  return {
    periodMs: WATT.periodMs,
    look: (observation) => {
      const { at, utilisation, desired } = observation;
      seen = [...seen, observation].slice(-WATT.downWindowMs / WATT.periodMs);
      const due = at - checkedAt >= WATT.checkMs;
      if (due) checkedAt = at;
      if (!due && utilisation <= WATT.upUtilisation) return null;
      if (at - changedAt < WATT.cooldownMs) return null;
      const down = mean(observation, WATT.downWindowMs) < WATT.downUtilisation;
      const up = mean(observation, WATT.upWindowMs) > WATT.upUtilisation;
      if (!down && !up) return null;
      const decision = step(desired, down ? -1 : 1, options);
      if (decision !== null) changedAt = at;
      return decision;
    },
  };
}

function step(
  desired: number,
  by: 1 | -1,
  { minWorkers, maxWorkers }: ScalingOptions,
): RuleDecision | null {
  const to = Math.min(Math.max(desired + by, minWorkers), maxWorkers);
  if (to === desired) return null;
  return { to, reason: by > 0 ? "busy" : "idle" };
}
