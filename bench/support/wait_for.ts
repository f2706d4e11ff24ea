/**
 * Waiting for something that tells nobody when it happens.
 *
 * @module
 */

/** Pause between two looks. */
const POLL_MS = 20;

/** Longer than any peer takes to start. */
const DEFAULT_TIMEOUT_MS = 20_000;

/**
 * Looks until `happened` holds.
 *
 * @param describe What is waited for; called only when it does not come.
 * @throws {Error} when it takes too long.
 */
export async function waitFor(
  happened: () => boolean | Promise<boolean>,
  describe: () => string,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!await happened()) {
    if (performance.now() > end) {
      throw new Error(`Cannot wait any longer for ${describe()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
