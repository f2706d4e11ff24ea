/**
 * Who is listened to next, where more clients are busy than the event loop
 * gets round to.
 *
 * At one turn the runtime completes 128 reads, and those of sockets that have
 * just become readable before those of sockets that have waited. Left to it,
 * some hundred clients of a thousand are served over and over, the others for
 * seconds not at all, and each turn is spent on finding that out for all of
 * them. So where there are many clients, one that has its response goes to the
 * end of a queue, and from its head only so many are listened to at a turn
 * that no read is left over.
 *
 * @module
 */

/** Connections beyond which clients take turns: fewer are never left over for long. */
const FAIRNESS_THRESHOLD = 128;

/** Reads that are begun at a turn, together with the requests that wait for a response. */
const READS_PER_TURN = 96;

/** The most reads that are begun at a turn. */
const MAX_READS_PER_TURN = 64;

/** The fewest: requests that wait for a slow worker must not keep others out. */
const MIN_READS_PER_TURN = 24;

/** What there is to do. */
export interface Load {
  readonly clientConnections: number;
  /** Requests that wait for a response; streams, which may go on for hours, do not. */
  readonly awaitingResponse: number;
}

/** What can be listened to. */
export interface Readable {
  /** Begins to read. */
  read(): void;
}

/** The clients that wait to be listened to, first in, first out. */
export class ReadScheduler {
  readonly #load: Load;
  /** Each once: who has been read from in another way meanwhile must not take the turns of others. */
  readonly #waiting = new Set<Readable>();
  /** Clients that may still begin at this turn. */
  #left = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** Creates the queue; `load` tells at any time what there is to do. */
  constructor(load: Load) {
    this.#load = load;
  }

  /** Whether clients take turns. */
  get crowded(): boolean {
    return this.#load.clientConnections > FAIRNESS_THRESHOLD ||
      this.#timer !== null;
  }

  /** Has `client` read from when it is its turn, which may be at once. Who waits already keeps its place. */
  enqueue(client: Readable): void {
    if (this.#timer === null) this.#begin(this.#share);
    if (this.#left > 0) {
      this.#left--;
      client.read();
    } else this.#waiting.add(client);
  }

  get #share(): number {
    const room = READS_PER_TURN - this.#load.awaitingResponse;
    return Math.max(MIN_READS_PER_TURN, Math.min(MAX_READS_PER_TURN, room));
  }

  /** Begins a turn at which `left` clients may begin. */
  #begin(left: number): void {
    this.#left = left;
    // Of all that is put off, timers alone have the loop look at its sockets
    // in between; the shortest takes one to two milliseconds.
    this.#timer = setTimeout(() => this.#turn(), 0);
  }

  #turn(): void {
    const share = this.#share;
    const listened = [...this.#waiting.values().take(share)];
    if (listened.length === 0) this.#timer = null;
    else this.#begin(share - listened.length);
    for (const client of listened) {
      this.#waiting.delete(client);
      client.read();
    }
  }
}
