/**
 * When the pool grows and shrinks.
 *
 * @module
 */

import { delayMs, rate, setting, timeoutMs } from "./setting.ts";

/** The settings under the heading "Scaling", in the order of the help. */
export const SCALING_SETTINGS = {
  scaleUpRate: setting({
    kind: rate,
    default: 100,
    help: "requests per second per ready worker above which to grow",
  }),
  scaleDownRate: setting({
    kind: rate,
    default: 10,
    help: "requests per second per ready worker below which to shrink",
  }),
  scaleIntervalMs: setting({
    kind: timeoutMs,
    default: 5000,
    help: "time between two decisions",
  }),
  scaleDownDelayMs: setting({
    kind: delayMs,
    default: 30_000,
    help: "how long the rate must have been low before shrinking",
  }),
} as const;
