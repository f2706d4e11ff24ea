/**
 * Who the client of a request is behind trusted proxies, and whether it may
 * have another one. Only there when somebody wants to know.
 *
 * @module
 */

import type { RequestHead } from "../../http1/request_head.ts";
import type { CidrSet } from "../../net/cidr.ts";
import { RateLimit, type RateRule } from "../../net/rate_limit.ts";
import { rateLimitKey } from "../../net/rate_limit_key.ts";
import { hashClient } from "../../upstream/policy/ip_hash.ts";
import type { Client } from "./client.ts";
import { forwardedClient } from "./forwarded_client.ts";
import type { Clock } from "./link.ts";
import { ProxyError } from "./proxy_error.ts";

/** Longest name of a client that is remembered: no address is longer. */
const MAX_NAME_CHARACTERS = 64;

/** Tells clients apart, and keeps each to its rate. */
export class ClientGate {
  readonly #clock: Clock;
  readonly #trusted: CidrSet;
  readonly #limit: RateLimit | null;
  /** The keys of the peers, which are the same for all requests of a connection. */
  readonly #keys = new WeakMap<Client, string>();

  /** Creates a gate that believes `trusted` proxies; with no `rule` it lets everybody in. */
  constructor(
    clock: Clock,
    { trusted, rule }: {
      readonly trusted: CidrSet;
      readonly rule: RateRule | null;
    },
  ) {
    this.#clock = clock;
    this.#trusted = trusted;
    this.#limit = rule === null ? null : new RateLimit(rule);
  }

  /**
   * Returns whom the request in `head` counts as.
   *
   * @param peer Who sent it.
   * @throws {ProxyError} 429 when that one has had its share.
   */
  admit(peer: Client, bytes: Uint8Array, head: RequestHead): Client {
    if (!peer.forwarding.trusted) {
      this.#take(this.#keyOf(peer));
      return peer;
    }
    const address = forwardedClient(bytes, head.fields, this.#trusted);
    // A proxy's own request, such as a health check.
    if (address === null) return peer;
    const name = address.slice(0, MAX_NAME_CHARACTERS);
    if (this.#limit !== null) this.#take(rateLimitKey(name));
    return { ...peer, hash: hashClient(name) };
  }

  #take(key: string): void {
    const waitMs = this.#limit?.take(key, this.#clock.now()) ?? 0;
    if (waitMs === 0) return;
    throw new ProxyError("rate-limited", {
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    });
  }

  #keyOf(peer: Client): string {
    let key = this.#keys.get(peer);
    if (key === undefined) {
      key = rateLimitKey(peer.address);
      this.#keys.set(peer, key);
    }
    return key;
  }
}
