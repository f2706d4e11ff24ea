/**
 * A request that waits in the queue for a worker, and what it means for it that
 * there is none.
 *
 * @module
 */

import type {
  ClaimRequest,
  Ticket,
  UnavailableReason,
} from "../../upstream/request_queue.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { ProxyContext } from "./context.ts";
import { ProxyError } from "./proxy_error.ts";

/** Whose request waits. */
export interface QueueWaitOwner {
  /** This worker has been claimed for it. */
  onClaimed(upstream: Upstream): void;
  /** It gets none. */
  onTurnedAway(error: ProxyError): void;
}

/** Waits for one worker. The queue keeps the deadline. */
export class QueueWait implements Ticket {
  readonly request: ClaimRequest;
  readonly since: number;

  readonly #dispatcher: ProxyContext["dispatcher"];
  readonly #owner: QueueWaitOwner;

  /** Does not wait yet. */
  constructor(
    { clock, dispatcher }: Pick<ProxyContext, "clock" | "dispatcher">,
    request: ClaimRequest,
    owner: QueueWaitOwner,
  ) {
    this.request = request;
    this.since = clock.now();
    this.#dispatcher = dispatcher;
    this.#owner = owner;
  }

  /** Begins to wait; returns why it may not, `null` when it does. */
  begin(): ProxyError | null {
    const reason = this.#dispatcher.enqueue(this);
    return reason === null ? null : new ProxyError(reason);
  }

  /** Gives it up, and calls nobody. */
  cancel(): void {
    this.#dispatcher.cancel(this);
  }

  /** For the queue alone. */
  resolve(upstream: Upstream): void {
    this.#owner.onClaimed(upstream);
  }

  /** For the queue alone. */
  reject(reason: UnavailableReason): void {
    this.#owner.onTurnedAway(new ProxyError(reason));
  }
}
