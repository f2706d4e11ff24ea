/**
 * What a setting is, and the kinds of values that several groups share.
 *
 * @module
 */

import { decimal, integer, type Kind } from "../kinds.ts";

/** One setting: all there is to say of it, in one place. */
export interface Setting<T> {
  /** Which values it may have, and how text becomes one; a quantity's unit is in its name. */
  readonly kind: Kind<T>;
  /** Its default; `null` where there is none, or one that is derived. */
  readonly default: T | null;
  /** How the default is derived, in the words of the help. It is never `null` then. */
  readonly derived?: string;
  /** A shorter flag it also has. */
  readonly shortFlag?: string;
  /** Whether its value must never be shown. */
  readonly secret?: boolean;
  /**
   * Whether its variable means something to many an application, too. A value
   * that is none of ours is taken for the application's then, and our default
   * holds.
   */
  readonly generic?: boolean;
  /** Whether it is one of those most needed, which the short help shows. */
  readonly essential?: boolean;
  /** Whether a reload takes it. All else belongs to what lives as long as the connections do. */
  readonly reloadable?: boolean;
  /** `false` where it is the command line's alone, and no option of the library. */
  readonly embeddable?: boolean;
  /** One line that says what it is. */
  readonly help: string;
}

/** The value that a setting has once its default is filled in. */
export type ValueOf<S> = S extends { readonly kind: Kind<infer T> }
  ? S extends { readonly derived: string } ? T
  : S extends { readonly default: null } ? T | null
  : T
  : never;

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

/** Keeps the exact type of an entry of the table, from which that of its value follows. */
export function setting<T, const S extends Omit<Setting<T>, "kind">>(
  entry: { readonly kind: Kind<T> } & S & NothingElse<S>,
): { readonly kind: Kind<T> } & S {
  return entry;
}

/** Refuses a property that no setting has: a slip of the pen. */
type NothingElse<S> = {
  readonly [K in Exclude<keyof S, keyof Setting<unknown>>]: never;
};
