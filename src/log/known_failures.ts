/**
 * Recognises a failure that has been told before: the same program says the
 * same in every slot and at every attempt, and once is enough. Pure.
 *
 * @module
 */

/** Failures that are remembered: several programs may be tried in turn. */
const REMEMBERED = 16;

/** After this time, in milliseconds, a failure is told in full again. */
const TOLD_AGAIN_MS = 10 * 60_000;

/** What is known of a failure. */
export interface FailureText {
  /** What happened, as a sentence part. */
  readonly reason: string;
  /** What the program said. */
  readonly lastOutput: readonly string[];
}

/** Remembers the last failures. */
export class KnownFailures {
  readonly #toldAt = new Map<string, number>();

  /** Whether what `failure` says has been told; from now on it has. */
  tell(failure: FailureText, now: number): boolean {
    const known = this.knows(failure, now);
    if (known) return true;
    const key = failureKey(failure);
    this.#toldAt.delete(key);
    this.#toldAt.set(key, now);
    if (this.#toldAt.size > REMEMBERED) {
      this.#toldAt.delete(this.#toldAt.keys().next().value!);
    }
    return false;
  }

  /** Whether what `failure` says has been told. */
  knows(failure: FailureText, now: number): boolean {
    const toldAt = this.#toldAt.get(failureKey(failure));
    return toldAt !== undefined && now - toldAt < TOLD_AGAIN_MS;
  }

  /** What has been told, as {@linkcode failureKey} has it. */
  get keys(): readonly string[] {
    return [...this.#toldAt.keys()];
  }
}

/** The same for all failures that differ by numbers alone: times, ports, process ids, addresses. */
export function failureKey({ reason, lastOutput }: FailureText): string {
  return withoutNumbers([reason, ...lastOutput].join("\n"));
}

/** Whether all of these lines are in a {@linkcode failureKey}. */
export function hasLines(key: string, lines: readonly string[]): boolean {
  const known = new Set(key.split("\n"));
  return lines.every((line) => known.has(withoutNumbers(line)));
}

function withoutNumbers(text: string): string {
  return text.replace(/\b0x[0-9a-f]+\b|[0-9]+/gi, "#");
}
