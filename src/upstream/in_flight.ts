/**
 * The exchanges that an upstream has in flight, and what is asked of them.
 *
 * @module
 */

import type { Linked } from "./linked_list.ts";
import type { Loss, Suspicion } from "./suspicion.ts";

/** An exchange that a worker has, or has had until a moment ago. */
export interface InFlightExchange extends Linked<InFlightExchange> {
  readonly request: {
    /** When its head was read, on the clock of the driver. */
    readonly startedAt: number;
    /** When the worker was given it: after that, where it has waited, or been with another. */
    readonly givenAt: number;
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
    /** Workers that were lost with it and for which it may be the reason. */
    readonly losses: number;
    /** One more is. */
    noteLoss(loss: Loss, how: Pick<Suspicion, "sparesLast">): void;
    /** It is not to be sent again. */
    disableRetry(): void;
    /** It is what has ended its workers: those that were suspected with it are not any more. */
    convict(): void;
  };
  /** Ends it, as its worker is about to be killed. */
  cut(): void;
  /** Takes it to another worker, where that is safe. */
  retryElsewhere(): void;
}
