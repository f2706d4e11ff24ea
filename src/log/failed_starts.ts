/**
 * Makes one entry of a failed start, however many workers fail in the same
 * way and however often.
 *
 * While the pool starts, entries about single workers are kept for a moment:
 * where all of them fail, the pool does, and says it for all.
 *
 * @module
 */

import type { WorkerStartFailedEvent } from "../events/mod.ts";
import type { HeldOutput } from "./held_output.ts";
import {
  failureKey,
  type FailureText,
  hasLines,
  KnownFailures,
} from "./known_failures.ts";

/** How long entries are kept after the last one while the pool starts, in milliseconds: its other workers fail within that, if they do. */
const KEEP_MS = 3_000;

/** How long one is kept at most, in milliseconds. */
const LONGEST_KEEP_MS = 10_000;

/** Lines that an entry has room for; the events carry no more. */
const MOST_LINES = 20;

/** Said in place of what has been said. */
const AS_BEFORE = "(command and output as before)";

/** The end of a pool that could not start. */
export interface StartFailureText extends FailureText {
  /** All there is to say. */
  readonly message: string;
  /** The same without command and output. */
  readonly summary: string;
}

/** Writes an entry with these further lines. */
export type WriteEntry = (
  event: WorkerStartFailedEvent,
  details: readonly string[],
) => void;

/** Decides what is said of starts that fail. */
export class FailedStarts {
  readonly #held: HeldOutput;
  readonly #write: WriteEntry;
  readonly #known = new KnownFailures();
  readonly #clock: () => number;
  #kept: WorkerStartFailedEvent[] = [];
  /** When the first of these came. */
  #keptSince = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #starting = true;

  /** Writes entries with `write`; `clock` is monotonic, in milliseconds. */
  constructor(
    held: HeldOutput,
    write: WriteEntry,
    clock: () => number = (): number => performance.now(),
  ) {
    this.#held = held;
    this.#write = write;
    this.#clock = clock;
  }

  /** A worker could not be started. */
  failed(event: WorkerStartFailedEvent): void {
    if (!this.#starting) return this.#tell(event);
    const now = this.#clock();
    if (this.#kept.length === 0) this.#keptSince = now;
    this.#kept.push(event);
    clearTimeout(this.#timer ?? undefined);
    const longestMs = this.#keptSince + LONGEST_KEEP_MS - now;
    this.#timer = setTimeout(
      () => this.#tellKept(),
      Math.min(KEEP_MS, longestMs),
    );
  }

  /**
   * Whether no worker is ready yet, and all of these lines are another's that
   * has failed: who is ended as the pool gives up, and was about to fail in the
   * same way, has nothing to add.
   */
  hasSaid(lines: readonly string[]): boolean {
    if (!this.#starting || lines.length === 0) return false;
    return [...this.#kept.map(failureKey), ...this.#known.keys]
      .some((key) => hasLines(key, lines));
  }

  /** A worker is ready, or the pool is stopped: single failures are told as they come. */
  started(): void {
    this.#starting = false;
    this.#tellKept();
  }

  /** The pool could not be started; returns what is to be said of that. */
  poolFailed(failure: StartFailureText): string {
    this.#starting = false;
    const kept = this.#kept;
    this.#clear();
    for (const event of kept) {
      // One that failed in another way has something else to say.
      if (failureKey(event) !== failureKey(failure)) this.#tell(event);
      else if (this.#sayOutput(event, failure)) {
        this.#known.tell(failure, this.#clock());
      }
    }
    return this.#known.tell(failure, this.#clock())
      ? failure.summary
      : failure.message;
  }

  /** Tells what is left. */
  close(): void {
    this.#tellKept();
  }

  #tellKept(): void {
    const kept = this.#kept;
    this.#clear();
    for (const event of kept) this.#tell(event);
  }

  #clear(): void {
    this.#kept = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #tell(event: WorkerStartFailedEvent): void {
    const written = this.#sayOutput(event, event);
    const command = `command: ${event.command.join(" ")}`;
    if (this.#known.tell(event, this.#clock())) {
      this.#write(event, [AS_BEFORE]);
    } else {
      this.#write(event, written ? [command] : [command, ...event.lastOutput]);
    }
  }

  /** Sees to it that nothing the worker wrote is lost; returns whether all of it has been written. */
  #sayOutput({ pid }: WorkerStartFailedEvent, failure: FailureText): boolean {
    if (pid === null) return false;
    const { held, written } = this.#held.end(pid);
    const isSaidInEntry = held.length <= MOST_LINES ||
      this.#known.knows(failure, this.#clock());
    if (isSaidInEntry) return written;
    for (const write of held) write();
    return true;
  }
}
