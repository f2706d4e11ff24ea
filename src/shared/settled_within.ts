/**
 * A wait for what somebody else ends, with an end of its own.
 *
 * @module
 */

/** Waits for `settled`, `timeoutMs` at most; returns whether it was in time. Rejects as it does. */
export async function settledWithin(
  settled: Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, timeoutMs, false);
  try {
    return await Promise.race([settled.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
