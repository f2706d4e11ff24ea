/**
 * A clock that processes of one machine share.
 *
 * @module
 */

/** Milliseconds since 1970, with fractions. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
