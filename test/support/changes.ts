/**
 * Waits for a condition over state that somebody else changes, without
 * looking at it again and again.
 *
 * @module
 */

import { DEFAULT_DEADLINE_MS, withDeadline } from "./deadline.ts";

/** Settings of a wait. */
export interface UntilOptions {
  /** @default {60000} */
  readonly deadlineMs?: number;
  /** What is waited for, as a whole sentence; called only when it did not come. */
  readonly describe: () => string;
}

/** Whoever changes the state calls {@linkcode Changes.notify}; whoever waits is woken to look. */
export class Changes {
  readonly #looks = new Set<() => void>();
  #failure: Error | null = null;

  /** The state has changed: everybody who waits looks again. */
  notify(): void {
    for (const look of [...this.#looks]) look();
  }

  /** The state changes no more: everybody who still waits, or would, gets `error`. */
  fail(error: Error): void {
    this.#failure = error;
    this.notify();
  }

  /**
   * The first value of `look` that is not `undefined`; it is called now and after each change.
   *
   * @throws {DeadlineError} when the time is up, or what {@linkcode Changes.fail} was given.
   */
  async until<T>(
    look: () => T | undefined,
    options: UntilOptions,
  ): Promise<T> {
    let check = (): void => {};
    const found = new Promise<T>((resolve, reject) => {
      check = () => {
        try {
          const value = look();
          if (value !== undefined) resolve(value);
          else if (this.#failure !== null) reject(this.#failure);
        } catch (error) {
          reject(error);
        }
      };
    });
    this.#looks.add(check);
    check();
    try {
      return await withDeadline(
        found,
        options.deadlineMs ?? DEFAULT_DEADLINE_MS,
        options.describe,
      );
    } finally {
      this.#looks.delete(check);
    }
  }
}
