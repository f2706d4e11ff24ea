/**
 * How the latency of requests grew with what their worker had already, where
 * that was now more and now less: what a trial would show, and for nothing.
 * Pure.
 *
 * A least-squares line through the logarithms of both.
 *
 * @module
 */

/** Standard deviation of the concurrency, as a factor, below which a line says nothing. */
const LEAST_FACTOR = 1.3;

/** How the latency grows with concurrency. */
export interface Elasticity {
  /**
   * 0 when it does not, since requests wait for something else than each
   * other, 1 when twice as many at once take twice as long, since they do.
   */
  readonly value: number;
  /** Standard error of that. */
  readonly error: number;
}

/** Collects requests. */
export class LatencyTrend {
  #count = 0;
  #sumX = 0;
  #sumY = 0;
  #sumXX = 0;
  #sumXY = 0;
  #sumYY = 0;

  /** Takes note of a request that was served. */
  add(concurrency: number, logOfMs: number): void {
    const x = Math.log(concurrency);
    this.#count++;
    this.#sumX += x;
    this.#sumY += logOfMs;
    this.#sumXX += x * x;
    this.#sumXY += x * logOfMs;
    this.#sumYY += logOfMs * logOfMs;
  }

  /** Requests that count. */
  get count(): number {
    return this.#count;
  }

  /** By what factor the concurrency of requests differed, as a standard deviation. */
  get contrast(): number {
    return Math.exp(Math.sqrt(this.#varianceX));
  }

  /** Takes note of what another has seen, and forgets as much of what is more than `remembered` requests ago. */
  include(other: LatencyTrend, remembered: number): void {
    const kept = Math.max(0, 1 - other.#count / remembered);
    this.#count = kept * this.#count + other.#count;
    this.#sumX = kept * this.#sumX + other.#sumX;
    this.#sumY = kept * this.#sumY + other.#sumY;
    this.#sumXX = kept * this.#sumXX + other.#sumXX;
    this.#sumXY = kept * this.#sumXY + other.#sumXY;
    this.#sumYY = kept * this.#sumYY + other.#sumYY;
  }

  /** Concurrency that most of the requests had, at least. */
  get low(): number {
    const mean = this.#sumX / this.#count;
    return Math.exp(mean - Math.sqrt(this.#varianceX));
  }

  /** How the latency grew, or `null` when that cannot be told. */
  get elasticity(): Elasticity | null {
    const varianceX = this.#varianceX;
    const least = Math.log(LEAST_FACTOR) ** 2;
    if (this.#count < 3 || !(varianceX >= least)) return null;
    const count = this.#count;
    const covariance = (this.#sumXY - this.#sumX * this.#sumY / count) / count;
    const varianceY = (this.#sumYY - this.#sumY ** 2 / count) / count;
    const value = covariance / varianceX;
    const rest = Math.max(0, varianceY - value * covariance);
    return { value, error: Math.sqrt(rest / varianceX / (count - 2)) };
  }

  get #varianceX(): number {
    const count = this.#count;
    return Math.max(0, this.#sumXX - this.#sumX ** 2 / count) / count;
  }
}
