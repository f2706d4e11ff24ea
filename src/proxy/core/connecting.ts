/**
 * A connection to a worker that is being made: how long that may take, and what
 * it means for a request that it is not to be had.
 *
 * @module
 */

import type { Upstream } from "../../upstream/upstream.ts";
import type { ProxyContext } from "./context.ts";
import type {
  Cancellable,
  ConnectFailure,
  ConnectHandler,
  Link,
} from "./link.ts";
import { ProxyError } from "./proxy_error.ts";
import { ENDED_CLIENT_GRACE_MS } from "./response_clock.ts";

/** How long a worker may take to accept a connection. Its backlog is full when it takes this long. */
const CONNECT_TIMEOUT_MS = 3500;

/** Whose connection it is to be. */
export interface ConnectingOwner {
  onConnected(link: Link): void;
  onConnectFailed(error: ProxyError): void;
}

/** Waits for one connection. */
export class Connecting implements ConnectHandler {
  /** When it has taken too long. */
  deadline: number;

  readonly #context: Pick<ProxyContext, "connector" | "deadlines">;
  readonly #upstream: Upstream;
  readonly #owner: ConnectingOwner;
  readonly #pending: Cancellable;
  #clientEnded = false;

  /** Begins to connect to `upstream`. */
  constructor(
    context: Pick<ProxyContext, "connector" | "deadlines">,
    upstream: Upstream,
    owner: ConnectingOwner,
  ) {
    this.#context = context;
    this.#upstream = upstream;
    this.#owner = owner;
    this.deadline = context.deadlines.now + CONNECT_TIMEOUT_MS;
    this.#pending = context.connector.connect(upstream, this);
  }

  /** Gives it up, and calls nobody. */
  cancel(): void {
    this.#pending.cancel();
  }

  /** The client sends no more: it may be gone. */
  clientEnded(): void {
    this.#clientEnded = true;
    const latest = this.#context.deadlines.now + ENDED_CLIENT_GRACE_MS;
    this.deadline = Math.min(this.deadline, latest);
  }

  /** Gives it up, as it has taken too long. */
  expire(): void {
    this.cancel();
    this.#owner.onConnectFailed(
      this.#clientEnded ? new ProxyError("client-gone") : connectTimeout(),
    );
  }

  onConnected(link: Link): void {
    this.#owner.onConnected(link);
  }

  onConnectFailed(failure: ConnectFailure): void {
    if (failure.reason === "refused") this.#upstream.reportRefused();
    this.#owner.onConnectFailed(connectFailed(failure));
  }
}

function connectFailed({ reason, detail }: ConnectFailure): ProxyError {
  switch (reason) {
    case "exhausted":
      return new ProxyError("out-of-descriptors", { note: detail });
    case "out-of-ports":
      // To another worker, at another port, there may be one left.
      return new ProxyError("out-of-ports", { retryable: true, note: detail });
    default:
      return new ProxyError("connect-failed", {
        retryable: true,
        note: detail,
      });
  }
}

function connectTimeout(): ProxyError {
  return new ProxyError("connect-failed", {
    retryable: true,
    note: `not accepted within ${CONNECT_TIMEOUT_MS} ms: its backlog is full`,
    // Who is given fewer requests at once has a shorter backlog.
    setting: "WORKER_CONCURRENCY",
  });
}
