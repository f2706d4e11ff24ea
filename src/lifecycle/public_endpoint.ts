/**
 * Where clients connect to a pool that listens, as it is told to people and to
 * the command line.
 *
 * @module
 */

import type { AdminEndpoint } from "../registry/pool_record.ts";
import { type OpenListener, UNIX_PREFIX, urlOf } from "./listen.ts";

/** How connections begin there. */
export interface ConnectionPreamble {
  readonly tls: boolean;
  /** Whether each begins with a PROXY header. */
  readonly proxyProtocol: boolean;
}

/** The socket that clients connect to. */
export class PublicEndpoint {
  readonly #listener: OpenListener;
  readonly #preamble: ConnectionPreamble;

  /** Describes `listener`, which stays its owner's to close. */
  constructor(listener: OpenListener, preamble: ConnectionPreamble) {
    this.#listener = listener;
    this.#preamble = preamble;
  }

  /** Without a slash at the end; `0.0.0.0` and `::` are written as the loopback address, so that it can be opened. */
  get url(): string {
    return urlOf(this.#preamble.tls ? "https" : "http", this.#listener);
  }

  /** How the admin pages are reached there. */
  get admin(): AdminEndpoint {
    const { hostname, port } = this.#listener;
    return hostname.startsWith(UNIX_PREFIX)
      ? {
        transport: "unix",
        path: hostname.slice(UNIX_PREFIX.length),
        ...this.#preamble,
      }
      : { transport: "tcp", host: hostname, port, ...this.#preamble };
  }
}
