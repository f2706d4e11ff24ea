/**
 * The exchanges that an upstream has in flight, and what is asked of them.
 *
 * @module
 */

import type { Linked } from "./linked_list.ts";

/** An exchange that a worker has, or has had until a moment ago. */
export interface InFlightExchange extends Linked<InFlightExchange> {
  readonly request: {
    /** On the clock of the driver. */
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
    /** When the worker was given it, on the clock of the driver. */
    readonly sentAt: number;
    /** A worker is lost for which it may be the reason; returns how many that makes. */
    noteLoss(how: { readonly sparesLast: boolean }): number;
    /** It is not to be sent again. */
    disableRetry(): void;
  };
  /** Ends it, as its worker is about to be killed. */
  cut(): void;
  /** Takes it to another worker, where that is safe. */
  retryElsewhere(): void;
}
