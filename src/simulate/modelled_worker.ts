/**
 * What a worker of the model does with the requests it has: in which order, and
 * how many at once. Pure.
 *
 * @module
 */

/** What an event loop does after a response before it asks the kernel again, in milliseconds: long enough for the next request to come on the same connection. */
const AFTER_RESPONSE_MS = 0.15;

/** A request that a worker has received. */
export interface Work {
  /** Time that it takes, in milliseconds. */
  readonly cpuMs: number;
  /** Share of that for which its thread computes; for the rest, it waits. */
  readonly computing: number;
  /** What it came on. */
  readonly connection: ModelledConnection;
  /** Called when that is over. */
  readonly done: () => void;
}

/** A connection between balancer and worker, which carries one request at a time. */
export interface ModelledConnection {
  /** Whether the worker has taken it. */
  accepted: boolean;
  /** The request that it brings and that has not been read. */
  unread: Work | null;
}

/** Time as the worker sees it. */
export interface WorkerClock {
  /** Lets `run` happen when so much of other things has been done, in milliseconds. */
  after(milliseconds: number, run: () => void): void;
  /** Lets `run` happen when the request has been on a thread for as long as it takes. */
  serve(work: Work, run: () => void): void;
}

/** A worker. */
export interface ModelledWorker {
  /** Takes in a request. */
  receive(work: Work): void;
}

/** First come, first served, by so many threads. */
export class ThreadPool implements ModelledWorker {
  readonly #clock: WorkerClock;
  readonly #waiting: Work[] = [];
  #free: number;

  /** Creates a worker that is idle. */
  constructor(clock: WorkerClock, threads: number) {
    this.#clock = clock;
    this.#free = threads;
  }

  /** Begins with it, or lets it wait. */
  receive(work: Work): void {
    this.#waiting.push(work);
    if (this.#free > 0) this.#next();
  }

  #next(): void {
    const work = this.#waiting.shift();
    if (work === undefined) return;
    this.#free--;
    this.#clock.serve(work, () => {
      this.#free++;
      work.done();
      this.#next();
    });
  }
}

/**
 * One at a time, as Node serves them: all connections that are ready are read
 * by one call of the kernel and served in its order. Level-triggered, so one
 * that was served keeps its place in the kernel's list until the next call, and
 * a request that comes on it meanwhile goes before older ones on others.
 */
export class EventLoop implements ModelledWorker {
  readonly #clock: WorkerClock;
  /** What the kernel has to report at the next call, in order. */
  readonly #ready = new Set<ModelledConnection>();
  /** Connections that are accepted at the next call. */
  #connecting: ModelledConnection[] = [];
  #batch: ModelledConnection[] = [];
  #busy = false;

  /** Creates a worker that is idle. */
  constructor(clock: WorkerClock) {
    this.#clock = clock;
  }

  /** Begins with it, or leaves it to the kernel. */
  receive(work: Work): void {
    const { connection } = work;
    connection.unread = work;
    if (connection.accepted) this.#ready.add(connection);
    else this.#connecting.push(connection);
    if (!this.#busy) this.#next();
  }

  #next(): void {
    this.#busy = false;
    if (this.#batch.length === 0) this.#poll();
    const connection = this.#batch.shift();
    if (connection === undefined) return;
    this.#busy = true;
    const work = connection.unread!;
    connection.unread = null;
    this.#clock.serve(work, () => {
      work.done();
      this.#clock.after(AFTER_RESPONSE_MS, () => this.#next());
    });
  }

  #poll(): void {
    this.#batch = [...this.#ready].filter(({ unread }) => unread !== null);
    this.#ready.clear();
    for (const connection of this.#batch) this.#ready.add(connection);
    // What has just been accepted is asked about from the next call on.
    for (const connection of this.#connecting.splice(0)) {
      connection.accepted = true;
      this.#ready.add(connection);
    }
    if (this.#batch.length === 0 && this.#ready.size > 0) this.#poll();
  }
}
