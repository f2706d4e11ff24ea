/**
 * Changes of files, gathered until they pause: an editor writes a file in
 * several steps, a compiler many files. Pure.
 *
 * @module
 */

/** How long nothing has to change, in milliseconds. */
export const QUIET_MS = 100;

/** The longest wait for that, in milliseconds: something may write all the time. */
export const MAX_WAIT_MS = 2_000;

/** Paths that are named; a checkout changes thousands. */
const MAX_PATHS = 100;

/** Changes that belong together. */
export class ChangeBatch {
  readonly #paths = new Set<string>();
  #firstAt: number | null = null;
  #lastAt = 0;

  /** When it is complete, on the clock of `add`; `Infinity` while it is empty. */
  get dueAt(): number {
    if (this.#firstAt === null) return Infinity;
    return Math.min(this.#lastAt + QUIET_MS, this.#firstAt + MAX_WAIT_MS);
  }

  /** Adds a file that has changed at `now`. */
  add(path: string, now: number): void {
    this.#firstAt ??= now;
    this.#lastAt = now;
    if (this.#paths.size < MAX_PATHS) this.#paths.add(path);
  }

  /** Empties it, and returns what was in it. */
  take(): readonly string[] {
    const paths = [...this.#paths];
    this.#paths.clear();
    this.#firstAt = null;
    return paths;
  }
}
