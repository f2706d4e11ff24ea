/**
 * What a setting is, and the kinds of values that several groups share.
 *
 * @module
 */

import { decimal, integer, type Kind } from "../kinds.ts";

/** One setting. */
export interface Setting<T, D extends T | null = T | null> {
  readonly kind: Kind<T>;
  /** Its default; `null` where there is none, or one that is derived. */
  readonly default: D;
  /** How the default is derived, in the words of the help. */
  readonly derived?: string;
  /** A shorter flag it also has. */
  readonly shortFlag?: string;
  /** Whether its value must never be shown. */
  readonly secret?: boolean;
  /** One line that says what it is. */
  readonly help: string;
}

/** Greatest TCP port number. */
export const MAX_PORT = 65_535;

/** More processes than that on one machine are a slip of the finger. */
export const MAX_POOL_SIZE = 1024;

/** The longest delay a timer can hold; longer ones would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Bound of what is counted (connections, requests): far above any real value. */
export const MAX_COUNT = 1_000_000;

/** A TCP port; 0 is any. */
export const port: Kind<number> = integer({ min: 0, max: MAX_PORT }, "PORT");
/** A number of workers. */
export const workers: Kind<number> = integer({ min: 1, max: MAX_POOL_SIZE });
/** How many of something; 0 has a meaning of its own. */
export const count: Kind<number> = integer({ min: 0, max: MAX_COUNT });
/** How many of something, at least one. */
export const countFromOne: Kind<number> = integer({ min: 1, max: MAX_COUNT });
/** A time in milliseconds; 0 is at once. */
export const delayMs: Kind<number> = integer(
  { min: 0, max: MAX_DELAY_MS },
  "MS",
);
/** A longest wait in milliseconds. */
export const timeoutMs: Kind<number> = integer(
  { min: 1, max: MAX_DELAY_MS },
  "MS",
);
/** So many a second. */
export const rate: Kind<number> = decimal({ min: 0, max: MAX_COUNT });

/** Infers the type of the value from the kind, and of the default from itself. */
export function setting<T, const D extends T | null>(
  setting: Setting<T, D>,
): Setting<T, D> {
  return setting;
}
