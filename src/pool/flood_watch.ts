/**
 * Tells when a worker begins to write more than may be handed on, and when
 * that is over: twice for a flood, not for each line.
 *
 * @module
 */

/** A flood is over when nothing has been dropped for so long, in milliseconds. */
const QUIET_MS = 10_000;

/** A flood. */
export type Flood =
  | { readonly phase: "began" }
  | {
    readonly phase: "ended";
    /** Lines dropped. */
    readonly lines: number;
    /** Their bytes. */
    readonly bytes: number;
    /** From the first of them to the last, in milliseconds. */
    readonly durationMs: number;
  };

/** Is told of drops at once, and of floods as they begin and end. */
export interface FloodListener {
  /** So much more has been dropped. */
  dropped(lines: number, bytes: number): void;
  /** A flood has begun or ended. */
  flood(flood: Flood): void;
}

/** Watches one worker. */
export class FloodWatch {
  readonly #listener: FloodListener;
  readonly #clock: () => number;
  #lines = 0;
  #bytes = 0;
  #firstAt = 0;
  #lastAt = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** Watches for `listener`, by a clock in milliseconds. */
  constructor(listener: FloodListener, clock: () => number) {
    this.#listener = listener;
    this.#clock = clock;
  }

  /** Notes that so much was dropped now. */
  dropped(lines: number, bytes: number): void {
    this.#lines += lines;
    this.#bytes += bytes;
    this.#lastAt = this.#clock();
    this.#listener.dropped(lines, bytes);
    if (this.#timer !== null) return;
    this.#firstAt = this.#lastAt;
    this.#lookIn(QUIET_MS);
    this.#listener.flood({ phase: "began" });
  }

  /** Ends what goes on: the worker is gone. */
  close(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    const [lines, bytes] = [this.#lines, this.#bytes];
    const durationMs = this.#lastAt - this.#firstAt;
    this.#lines = this.#bytes = 0;
    this.#listener.flood({ phase: "ended", lines, bytes, durationMs });
  }

  #lookIn(delayMs: number): void {
    this.#timer = setTimeout(() => {
      const restMs = this.#lastAt + QUIET_MS - this.#clock();
      if (restMs <= 0) this.close();
      else this.#lookIn(restMs);
    }, delayMs);
  }
}
