/**
 * Who is listened to next, where more clients are busy than the event loop
 * gets round to.
 *
 * At one turn the runtime completes 128 reads, and those of sockets that have
 * just become readable before those of sockets that have waited. Left to it,
 * some hundred clients of a thousand are served over and over, the others for
 * seconds not at all, and each turn is spent on finding that out for all of
 * them. So where there are many clients, one that has had its answer goes to
 * the end of a queue, and from its head only so many are listened to at a turn
 * that no read is left over.
 *
 * @module
 */

/** Connections beyond which clients take turns: fewer are never left over for long. */
const FEW = 128;

/** Clients that begin to be listened to at a turn, together with the requests that wait for an answer ... */
const AT_ONCE = 96;

/** ... but at most so many, ... */
const GREATEST_SHARE = 64;

/** ... and at least: requests that wait for a slow worker must not keep others out. */
const LEAST_SHARE = 24;

const NOW = Promise.resolve();

/** What there is to do. */
export interface Load {
  readonly clientConnections: number;
  /** Requests that wait for an answer; streams, which may go on for hours, do not. */
  readonly unanswered: number;
}

/** Listens to a client. */
type Listen = () => void;

/** The clients that wait to be listened to, first in, first out. */
export class Turns {
  readonly #load: Load;
  readonly #waiting: Listen[] = [];
  /** Clients that may still begin at this turn. */
  #left = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** Creates the queue; `load` tells at any time what there is to do. */
  constructor(load: Load) {
    this.#load = load;
  }

  /** Whether clients take turns. */
  get crowded(): boolean {
    return this.#load.clientConnections > FEW || this.#timer !== null;
  }

  /** Resolves when it is a client's turn, where clients take turns. */
  next(): Promise<void> {
    if (this.#timer === null) this.#begin(this.#share);
    if (this.#left > 0) {
      this.#left--;
      return NOW;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  get #share(): number {
    const room = AT_ONCE - this.#load.unanswered;
    return Math.max(LEAST_SHARE, Math.min(GREATEST_SHARE, room));
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
    const listened = this.#waiting.splice(0, share);
    if (listened.length === 0) this.#timer = null;
    else this.#begin(share - listened.length);
    for (const listen of listened) listen();
  }
}
