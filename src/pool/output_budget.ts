/**
 * How much a worker may write before its lines are dropped, as two token
 * buckets: one of lines, one of bytes. Pure.
 *
 * @module
 */

/** What a worker may write; 0 is no limit. */
export interface OutputLimits {
  /** Lines a second. */
  readonly workerLogRate: number;
  /** Bytes a second. */
  readonly workerLogBytes: number;
}

/** Seconds' worth of output that may come at once: what a start, a batch or a stack dump writes is kept whole. */
const BURST_S = 5;

/** Share of the buckets that is left to stderr: what goes wrong is not drowned by what is chatted. */
const STDERR_SHARE = 0.1;

/** Keeps the account of one worker. */
export class OutputBudget {
  readonly #lines: Bucket;
  readonly #bytes: Bucket;

  /** Begins with full buckets at `now`, in milliseconds. */
  constructor(limits: OutputLimits, now: number) {
    this.#lines = new Bucket(limits.workerLogRate, now);
    this.#bytes = new Bucket(limits.workerLogBytes, now);
  }

  /** Lets time pass. */
  refill(now: number): void {
    this.#lines.refill(now);
    this.#bytes.refill(now);
  }

  /** Takes a line of so many bytes from the buckets; `false` when there is no room for it. */
  take(stream: "stdout" | "stderr", bytes: number): boolean {
    const reserved = stream === "stdout" ? STDERR_SHARE : 0;
    if (!this.#lines.has(reserved) || !this.#bytes.has(reserved)) return false;
    this.#lines.take(1);
    this.#bytes.take(bytes);
    return true;
  }
}

class Bucket {
  readonly #perMs: number;
  readonly #size: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#perMs = perSecond === 0 ? Infinity : perSecond / 1000;
    this.#size = perSecond === 0 ? Infinity : Math.max(1, perSecond * BURST_S);
    this.#tokens = this.#size;
    this.#at = now;
  }

  refill(now: number): void {
    if (this.#size === Infinity) return;
    const came = (now - this.#at) * this.#perMs;
    this.#tokens = Math.min(this.#size, this.#tokens + came);
    this.#at = now;
  }

  /**
   * Whether a token is there beside the share that is reserved. A line may
   * overdraw the bytes, or one larger than the bucket would never pass.
   */
  has(reserved: number): boolean {
    return this.#size === Infinity ||
      this.#tokens >= 1 + reserved * (this.#size - 1);
  }

  take(tokens: number): void {
    this.#tokens -= tokens;
  }
}
