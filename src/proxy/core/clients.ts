/**
 * What is known of clients by their address: most come again.
 *
 * @module
 */

import { forwarding } from "../../http1/request_writer.ts";
import type { CidrSet } from "../../net/cidr.ts";
import { hashClient } from "../../upstream/policy/ip_hash.ts";
import type { Client } from "./client.ts";

/** How a client without an address is named in forwarding fields (RFC 7239 §6.2). */
const UNKNOWN_ADDRESS = "unknown";

/** Clients whose description is kept; beyond, all are forgotten and made anew. */
const MAX_KNOWN_CLIENTS = 4096;

/** What is the same for all clients. */
export interface ClientsOptions {
  /** Whose forwarding fields are believed. */
  readonly trusted: CidrSet;
  /** Whether clients speak TLS to us. */
  readonly tls: boolean;
  /** The port they know; 0 for a unix socket. */
  readonly port: number;
}

/** Describes clients. */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #known = new Map<string | null, Client>();

  /** Begins with none. */
  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** The client at `address`, which is `null` for a peer on a unix socket: whoever may open that is believed. */
  of(address: string | null): Client {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const client = this.#describe(address);
    if (this.#known.size >= MAX_KNOWN_CLIENTS) this.#known.clear();
    this.#known.set(address, client);
    return client;
  }

  #describe(address: string | null): Client {
    const { trusted, tls, port } = this.#options;
    return {
      address: address ?? UNKNOWN_ADDRESS,
      hash: hashClient(address ?? ""),
      forwarding: forwarding({
        trusted: address === null || trusted.contains(address),
        address: address ?? UNKNOWN_ADDRESS,
        proto: tls ? "https" : "http",
        port,
        defaultHost: port === 0 ? "localhost" : `localhost:${port}`,
      }),
    };
  }
}
