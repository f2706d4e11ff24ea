/**
 * Loads that are described in a word. Pure.
 *
 * @module
 */

import { nearest } from "../config/nearest.ts";
import {
  MAX_DURATION_S,
  type Trace,
  TraceError,
  traceOf,
  type TracePoint,
} from "./trace.ts";

/** What a shape is made of. */
interface ShapeOptions {
  /** Requests per second at rest. */
  readonly low: number;
  /** Requests per second at most. */
  readonly high: number;
  /** When it begins to rise, or how long one period is, in seconds. */
  readonly atS: number;
  /** In seconds. */
  readonly durationS: number;
}

/** A shape and what it is like when nothing is said. */
interface Shape {
  readonly defaults: ShapeOptions;
  /** The rate at a time. */
  readonly rate: (atS: number, options: ShapeOptions) => number;
  /** One line for the help. */
  readonly help: string;
}

/** How long a spike lasts, as a share of the whole. */
const SPIKE_RATIO = 0.1;

/** A crowd has come within so many seconds, ... */
const FLASH_RISE_S = 10;

/** ... and of those who are there this share leaves in each such share of the whole. */
const FLASH_DECAY_RATIO = 0.15;

/** The shapes by name. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  "step": {
    defaults: { low: 90, high: 720, atS: 30, durationS: 240 },
    rate: (atS, o) => atS < o.atS ? o.low : o.high,
    help: "from one rate to another at once",
  },
  "spike": {
    defaults: { low: 90, high: 720, atS: 60, durationS: 300 },
    rate: (atS, o) =>
      atS >= o.atS && atS < o.atS + o.durationS * SPIKE_RATIO ? o.high : o.low,
    help: "up, and down again after a tenth of the time",
  },
  "sawtooth": {
    defaults: { low: 50, high: 800, atS: 120, durationS: 600 },
    rate: (atS, o) => o.low + (o.high - o.low) * (atS % o.atS) / o.atS,
    help: "rises steadily and falls at once; @ is the period",
  },
  "flash-crowd": {
    defaults: { low: 50, high: 1500, atS: 60, durationS: 900 },
    rate: flashCrowd,
    help: "up in ten seconds, then less and less",
  },
  "daily": {
    defaults: { low: 50, high: 800, atS: 86_400, durationS: 86_400 },
    rate: (atS, o) =>
      o.low + (o.high - o.low) * (1 - Math.cos(2 * Math.PI * atS / o.atS)) / 2,
    help: "the wave of a day, from night to night; @ is the period",
  },
};

/** Points a shape is made of at most: finer is not seen. */
const MAX_POINTS = 10_000;

/** `name:low..high@begin/duration`, all but the name may be left out. */
const DESCRIPTION =
  /^([a-z-]+)(?::([0-9.]+)\.\.([0-9.]+))?(?:@([0-9.]+)(s|m|h)?)?(?:\/([0-9.]+)(s|m|h)?)?$/;

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

/**
 * Returns the load that `text` describes: `"step"`, or
 * `"step:90..720@30s/4m"`, from 90 to 720 requests per second after 30 s, for
 * 4 min in all. `null` when it is the name of no shape: a file, then.
 *
 * @throws {TraceError} when the name is that of a shape and the rest is wrong.
 *
 * @example
 * ```ts
 * import { shapeTrace } from "./shapes.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(shapeTrace("step:90..720@30s/4m")?.durationS, 240);
 * assert.equal(shapeTrace("load.csv"), null);
 * ```
 */
export function shapeTrace(text: string): Trace | null {
  const name = /^[a-z-]*/.exec(text)?.[0] ?? "";
  const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name] : undefined;
  if (shape === undefined) return null;
  const options = shapeOptions(text, shape.defaults);
  if (options === null) {
    // The name of a file may begin like that of a shape.
    if (/[.\/]/.test(text.slice(name.length, name.length + 1))) return null;
    throw new TraceError(
      `Cannot simulate ${text}: it must look like ` +
        `${name}:90..720@30s/4m (low..high, begin or period, duration)`,
    );
  }
  const { low, high, atS, durationS } = options;
  const usable = [low, high, atS, durationS].every(Number.isFinite) &&
    atS > 0 && durationS > 0 && durationS <= MAX_DURATION_S;
  if (!usable) {
    throw new TraceError(
      `Cannot simulate ${text}: times must be above 0, and it must not last ` +
        `longer than ${MAX_DURATION_S / 86_400} days`,
    );
  }
  const stepS = Math.max(1, Math.ceil(durationS / MAX_POINTS));
  const points: TracePoint[] = [];
  for (let at = 0; at < durationS; at += stepS) {
    points.push({ atS: at, rate: shape.rate(at, options) });
  }
  if (points.length < 2) points.push({ atS: 1, rate: points[0]!.rate });
  return traceOf(text, points);
}

/** Says which shape somebody may have meant who named a file that is not there. */
export function similarShape(text: string): string | null {
  return nearest(text.replace(/[:@/].*$/, ""), Object.keys(SHAPES));
}

function shapeOptions(
  text: string,
  defaults: ShapeOptions,
): ShapeOptions | null {
  const parts = DESCRIPTION.exec(text);
  if (parts === null) return null;
  const [, , low, high, at, atUnit, duration, durationUnit] = parts;
  return {
    low: low === undefined ? defaults.low : Number(low),
    high: high === undefined ? defaults.high : Number(high),
    atS: seconds(at, atUnit) ?? defaults.atS,
    durationS: seconds(duration, durationUnit) ?? defaults.durationS,
  };
}

function seconds(
  text: string | undefined,
  unit: string | undefined,
): number | null {
  if (text === undefined) return null;
  return Number(text) * SECONDS[(unit ?? "s") as keyof typeof SECONDS];
}

function flashCrowd(atS: number, options: ShapeOptions): number {
  const { low, high, durationS } = options;
  const since = atS - options.atS;
  if (since < 0) return low;
  if (since < FLASH_RISE_S) return low + (high - low) * since / FLASH_RISE_S;
  const decayS = durationS * FLASH_DECAY_RATIO;
  return low + (high - low) * Math.exp(-(since - FLASH_RISE_S) / decayS);
}
