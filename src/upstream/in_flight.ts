/**
 * The exchanges that an upstream has in flight, and what is asked of them.
 *
 * A list through the exchanges themselves: to enter and to leave it costs a
 * few assignments and allocates nothing, as every request does both.
 *
 * @module
 */

/** An exchange that a worker has, or has had until a moment ago. */
export interface InFlightExchange {
  /** The one that entered after it; for the list alone. */
  next: InFlightExchange | null;
  /** The one that entered before it; for the list alone. */
  previous: InFlightExchange | null;
  readonly request: {
    /** On the clock of `performance.now()`. */
    readonly startedAt: number;
    /** As in `X-Request-Id`. */
    readonly id: string;
    /** Method, and target as sent. */
    describe(): { readonly method: string; readonly target: string };
  };
  /** Whether part of a response has been sent to the client. */
  readonly responded: boolean;
  /** Whether the worker has the request, or had it when it was last heard of. */
  readonly sent: boolean;
  /** Whether it goes on until its worker is asked to end. */
  readonly stream: boolean;
  readonly retries: {
    /** When the worker was given it, on the clock of `performance.now()`. */
    readonly sentAt: number;
    /** A worker is lost for which it may be the reason; returns how many that makes. */
    noteLoss(how: { readonly sparesLast: boolean }): number;
    /** It is not to be sent again. */
    hold(): void;
  };
  /** Ends it: what it waits for is closed. */
  fail(error: Error): void;
  /** Takes it to another worker, where that is safe. */
  sendElsewhere(): void;
}

/** The exchanges of one upstream, those that entered first before later ones. */
export class InFlightList implements Iterable<InFlightExchange> {
  #first: InFlightExchange | null = null;
  #last: InFlightExchange | null = null;

  /** Puts an exchange at the end that is in no list. */
  enter(exchange: InFlightExchange): void {
    exchange.previous = this.#last;
    exchange.next = null;
    if (this.#last === null) this.#first = exchange;
    else this.#last.next = exchange;
    this.#last = exchange;
  }

  /** Takes an exchange out that is in this list. */
  leave(exchange: InFlightExchange): void {
    const { previous, next } = exchange;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    exchange.previous = exchange.next = null;
  }

  /** Walks them; the one it stands at may leave meanwhile. */
  *[Symbol.iterator](): Generator<InFlightExchange> {
    let exchange = this.#first;
    while (exchange !== null) {
      const { next } = exchange;
      yield exchange;
      exchange = next;
    }
  }
}
