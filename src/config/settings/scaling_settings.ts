/**
 * When the pool grows and shrinks.
 *
 * @module
 */

import { delayMs, rate, setting, timeoutMs } from "./setting.ts";

/** The settings under the heading "Scaling", in the order of the help. */
export const SCALING_SETTINGS = {
  /** Requests per second per ready worker above which the pool grows. */
  scaleUpRate: setting({
    kind: rate,
    default: 100,
    help: "requests per second per ready worker above which to grow",
    reloadable: true,
  }),
  /** Requests per second per ready worker below which it shrinks. */
  scaleDownRate: setting({
    kind: rate,
    default: 10,
    help: "requests per second per ready worker below which to shrink",
    reloadable: true,
  }),
  /** Milliseconds between two decisions. */
  scaleIntervalMs: setting({
    kind: timeoutMs,
    default: 5000,
    help: "time between two decisions",
    reloadable: true,
  }),
  /** How long the rate must have been low before the pool shrinks, in milliseconds. */
  scaleDownDelayMs: setting({
    kind: delayMs,
    default: 30_000,
    help: "how long the rate must have been low before shrinking",
    reloadable: true,
  }),
} as const;
