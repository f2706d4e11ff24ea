/**
 * A request that waits in the queue for a worker, and what it means for it that
 * there is none.
 *
 * @module
 */

import {
  type ClaimRequest,
  type Ticket,
  UnavailableError,
} from "../../upstream/request_queue.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { ProxyContext } from "./context.ts";
import { asProxyError, ProxyError } from "./proxy_error.ts";

/** Whose request waits. */
export interface QueueWaitOwner {
  /** This worker has been claimed for it. */
  onClaimed(upstream: Upstream): void;
  /** It gets none. */
  onTurnedAway(error: ProxyError): void;
}

/** Waits for one worker. The queue keeps the deadline. */
export class QueueWait {
  /** When it began, on the clock of the driver. */
  readonly since: number;

  readonly #dispatcher: ProxyContext["dispatcher"];
  readonly #ticket: Ticket;

  /** Begins to wait. @throws {ProxyError} When the queue does not take `request`. */
  constructor(
    { clock, dispatcher }: Pick<ProxyContext, "clock" | "dispatcher">,
    request: ClaimRequest,
    owner: QueueWaitOwner,
  ) {
    this.since = clock.now();
    this.#dispatcher = dispatcher;
    try {
      this.#ticket = dispatcher.enqueue({
        request,
        resolve: (upstream) => owner.onClaimed(upstream),
        reject: (error) => owner.onTurnedAway(turnedAway(error)),
      }, this.since);
    } catch (error) {
      throw turnedAway(error);
    }
  }

  /** Gives it up, and calls nobody. */
  cancel(): void {
    this.#dispatcher.cancel(this.#ticket);
  }
}

function turnedAway(error: unknown): ProxyError {
  return error instanceof UnavailableError
    ? asProxyError(error, "bad-request")
    : new ProxyError("internal", { cause: error });
}
