/**
 * Gives any wait of a test an end, with a sentence that says what was waited
 * for. Knows nothing of what is awaited.
 *
 * @module
 */

/**
 * Long enough for a machine that is busy with other things: only a test that
 * fails anyway waits for it.
 */
export const DEFAULT_DEADLINE_MS = 60_000;

/** A wait took longer than it may. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/**
 * Waits for `promise`, at most `deadlineMs`.
 *
 * The promise itself is not stopped: end what it waits on when this throws.
 *
 * @param describe What was waited for, as a whole sentence; called only when it is needed.
 * @throws {DeadlineError} when the time is up.
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  deadlineMs: number,
  describe: () => string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new DeadlineError(`${describe()} (after ${deadlineMs} ms)`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms`. For fixtures that are slow on purpose, not for waiting in tests. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A test may have stopped the clock of the process. */
const now = performance.now.bind(performance);

/** Pause between two attempts of {@linkcode eventually}. */
const RETRY_MS = 10;

/**
 * Calls `attempt` until it does not throw, for things outside that announce
 * nothing: a foreign program that starts, a counter behind HTTP.
 *
 * @throws what the last attempt threw, when the time is up.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  deadlineMs: number = DEFAULT_DEADLINE_MS,
): Promise<T> {
  const end = now() + deadlineMs;
  while (true) {
    try {
      return await attempt();
    } catch (error) {
      if (now() >= end) throw error;
      await delay(RETRY_MS);
    }
  }
}
