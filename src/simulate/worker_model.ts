/**
 * Workers in their simplest form: each takes some time to start, then serves
 * so many requests a second; what they cannot serve waits, first come, first
 * served, for as long as it takes. Requests are a quantity, not a number, so
 * that nothing is left to chance.
 *
 * @module
 */

/** What a worker is like. */
export interface WorkerModelOptions {
  /** Requests per second that one worker serves. */
  readonly capacity: number;
  /** From its start to its first request, in milliseconds. */
  readonly startupMs: number;
}

/** What has become of the requests and the workers so far. */
export interface ModelTotals {
  /** Requests that came. */
  readonly requests: number;
  /** Of these, requests that found every worker busy. */
  readonly waited: number;
  /** The longest wait, in milliseconds. */
  readonly longestWaitMs: number;
  /** What 99 % of all requests did not wait longer than, in milliseconds. */
  readonly p99WaitMs: number;
  /** Time of all workers together, starting ones included. */
  readonly workerSeconds: number;
  /** Time in which more requests came than the ready workers can serve. */
  readonly shortOfCapacityS: number;
}

/** Requests that came together and wait. */
interface Cohort {
  readonly tick: number;
  amount: number;
}

/** Less of a request than that is an error of rounding. */
const NOTHING = 1e-9;

/** Workers and the requests that wait for them, from tick to tick. */
export class WorkerModel {
  readonly #options: WorkerModelOptions;
  readonly #tickMs: number;
  /** When each worker is ready, in ticks; the first are the oldest. */
  readonly #readyAt: number[];
  readonly #waiting: Cohort[] = [];
  /** Requests by how many ticks they waited. */
  readonly #waits = new Map<number, number>();
  #head = 0;
  #tick = 0;
  #requests = 0;
  #backlog = 0;
  #utilisation = 0;
  #workerTicks = 0;
  #shortTicks = 0;

  /** Begins with `workers` that are ready, in steps of `tickMs`. */
  constructor(workers: number, tickMs: number, options: WorkerModelOptions) {
    this.#options = options;
    this.#tickMs = tickMs;
    this.#readyAt = Array.from({ length: workers }, () => 0);
  }

  /** Requests that have come so far. */
  get requests(): number {
    return this.#requests;
  }

  /** Requests that wait. */
  get backlog(): number {
    return this.#backlog;
  }

  /** How busy the ready workers were in the last tick, 0-1. */
  get utilisation(): number {
    return this.#utilisation;
  }

  /** Workers that serve. */
  get ready(): number {
    return this.#readyAt.filter((tick) => tick <= this.#tick).length;
  }

  /** Starts or ends workers, those first that are not ready yet. */
  scaleTo(workers: number): void {
    const startupTicks = Math.ceil(this.#options.startupMs / this.#tickMs);
    while (this.#readyAt.length < workers) {
      this.#readyAt.push(this.#tick + startupTicks);
    }
    this.#readyAt.length = workers;
  }

  /** Lets one tick pass in which `rate` requests come a second. */
  advance(rate: number): void {
    const seconds = this.#tickMs / 1_000;
    const ready = this.ready;
    const capacity = ready * this.#options.capacity * seconds;
    const arrived = rate * seconds;
    const left = this.#serveWaiting(capacity);
    const served = Math.min(arrived, left);
    this.#count(0, served);
    if (arrived - served > NOTHING) {
      this.#waiting.push({ tick: this.#tick, amount: arrived - served });
      this.#backlog += arrived - served;
    }
    this.#requests += arrived;
    this.#utilisation = capacity === 0 ? 0 : (capacity - left + served) /
      capacity;
    this.#workerTicks += this.#readyAt.length;
    if (arrived > capacity + NOTHING) this.#shortTicks++;
    this.#tick++;
  }

  /** What has become of it all; those that still wait count with their wait so far. */
  totals(): ModelTotals {
    const waits = new Map(this.#waits);
    for (const { tick, amount } of this.#waiting.slice(this.#head)) {
      const ticks = this.#tick - tick;
      waits.set(ticks, (waits.get(ticks) ?? 0) + amount);
    }
    const atOnce = waits.get(0) ?? 0;
    const longest = [...waits.keys()].reduce((a, b) => Math.max(a, b), 0);
    return {
      requests: this.#requests,
      waited: Math.max(0, this.#requests - atOnce),
      longestWaitMs: longest * this.#tickMs,
      p99WaitMs: quantile(waits, 0.99) * this.#tickMs,
      workerSeconds: this.#workerTicks * this.#tickMs / 1_000,
      shortOfCapacityS: this.#shortTicks * this.#tickMs / 1_000,
    };
  }

  /** Serves those that wait, and returns what capacity is left. */
  #serveWaiting(capacity: number): number {
    let left = capacity;
    while (left > NOTHING && this.#head < this.#waiting.length) {
      const cohort = this.#waiting[this.#head]!;
      const served = Math.min(cohort.amount, left);
      this.#count(this.#tick - cohort.tick, served);
      cohort.amount -= served;
      this.#backlog -= served;
      left -= served;
      if (cohort.amount <= NOTHING) this.#head++;
    }
    if (this.#head === this.#waiting.length) {
      this.#waiting.length = this.#head = 0;
      this.#backlog = 0;
    }
    return left;
  }

  #count(ticks: number, amount: number): void {
    if (amount <= 0) return;
    this.#waits.set(ticks, (this.#waits.get(ticks) ?? 0) + amount);
  }
}

function quantile(waits: ReadonlyMap<number, number>, ratio: number): number {
  const sorted = [...waits].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, amount]) => sum + amount, 0);
  let seen = 0;
  for (const [ticks, amount] of sorted) {
    seen += amount;
    if (seen >= total * ratio) return ticks;
  }
  return 0;
}
