/**
 * Where clients connect to a pool that listens, as it is told to people and to
 * the command line.
 *
 * @module
 */

import { type AdminEndpoint, endpointUrl } from "../registry/pool_record.ts";
import { socketPathOf } from "../shared/authority.ts";
import type { OpenListener } from "./listen.ts";

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
    return endpointUrl(this.admin);
  }

  /** How the admin pages are reached there. */
  get admin(): AdminEndpoint {
    const { hostname, port } = this.#listener;
    const path = socketPathOf(hostname);
    return path !== null
      ? { transport: "unix", path, ...this.#preamble }
      : { transport: "tcp", host: hostname, port, ...this.#preamble };
  }
}
