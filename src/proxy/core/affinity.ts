/**
 * AFFINITY: which worker a client's requests belong to, because that one keeps
 * something for it in memory.
 *
 * - With a cookie the client is told a name of the worker that has served it,
 *   which the control plane has drawn at random and which says nothing of
 *   either.
 * - With a field, such as `Mcp-Session-Id`, the worker that has sent a value
 *   in a response gets the requests that carry it from then on.
 *
 * Workers are individuals: one that has taken another's place has nothing of
 * what that one kept. Knows nothing of who may be given work: the dispatcher
 * does.
 *
 * @module
 */

import { ascii, equalsIgnoringCase, latin1Slice } from "../../http1/bytes.ts";
import { visitCookies } from "../../http1/cookies.ts";
import type { FieldTable } from "../../http1/field_table.ts";
import type { RequestHead } from "../../http1/request_head.ts";
import { UPSTREAM_NAME_OCTETS } from "../../shared/random_name.ts";
import type { Upstream } from "../../upstream/upstream.ts";

/** Name of the cookie. */
export const AFFINITY_COOKIE = "prefork-worker";

/** Values of a field that are remembered; the one that has not been seen for longest is forgotten first. */
export const MAX_VALUES = 65_536;

/** Octets of all values that are remembered: so many ids of sessions of usual length, or fewer long ones, such as signed tokens. */
export const MAX_VALUE_OCTETS: number = 128 * MAX_VALUES;

/** What ties clients to workers. */
export interface Affinity {
  /** Returns the worker that the request in `head` belongs to, or `null`. */
  ownerOf(bytes: Uint8Array, head: RequestHead): Upstream | null;
  /**
   * Takes note of the response of `upstream` to a request that belonged to
   * `owner`. Returns the line `Set-Cookie: ...`, ended, that ties the client to
   * it, or `null`.
   */
  note(
    response: {
      readonly bytes: Uint8Array;
      readonly fields: FieldTable;
      readonly upstream: Upstream;
    },
    owner: Upstream | null,
  ): Uint8Array | null;
}

/** What is known of workers and clients. */
export interface AffinityParts {
  /** Whether clients speak TLS to this balancer. */
  readonly tls: boolean;
  /** Finds a worker by its name. */
  readonly named: (name: string) => Upstream | null;
}

/** Returns what `AFFINITY` asks for: `cookie` or `header:NAME`. */
export function affinityOf(rule: string, parts: AffinityParts): Affinity {
  return rule === "cookie"
    ? new CookieAffinity(parts)
    : new FieldAffinity(rule.slice(rule.indexOf(":") + 1));
}

/** The client remembers its worker. */
class CookieAffinity implements Affinity {
  readonly #prefix = ascii(`${AFFINITY_COOKIE}=`);
  readonly #secure: string;
  readonly #named: AffinityParts["named"];

  constructor({ tls, named }: AffinityParts) {
    this.#secure = tls ? "; Secure" : "";
    this.#named = named;
  }

  ownerOf(bytes: Uint8Array, { fields }: RequestHead): Upstream | null {
    let owner: Upstream | null = null;
    const { length } = this.#prefix;
    visitCookies(bytes, fields, (start, end) => {
      // Two digits an octet.
      if (end - start !== length + 2 * UPSTREAM_NAME_OCTETS) return true;
      for (let i = 0; i < length; i++) {
        if (bytes[start + i] !== this.#prefix[i]) return true;
      }
      owner = this.#named(latin1Slice(bytes, start + length, end));
      // Another balancer may have one of the same name.
      return owner === null;
    });
    return owner;
  }

  note(
    { upstream }: { readonly upstream: Upstream },
    owner: Upstream | null,
  ): Uint8Array | null {
    if (upstream === owner || upstream.retired) return null;
    return ascii(
      `Set-Cookie: ${AFFINITY_COOKIE}=${upstream.name}; Path=/; ` +
        `HttpOnly; SameSite=Lax${this.#secure}\r\n`,
    );
  }
}

/** Who has sent a value gets it back. */
class FieldAffinity implements Affinity {
  readonly #name: Uint8Array;
  /** Values in the order in which they were seen last. */
  readonly #owners = new Map<string, Upstream>();
  /** Octets of all of them. */
  #octets = 0;

  constructor(name: string) {
    this.#name = ascii(name.toLowerCase());
  }

  ownerOf(bytes: Uint8Array, { fields }: RequestHead): Upstream | null {
    const value = this.#valueIn(bytes, fields);
    if (value === null) return null;
    const owner = this.#owners.get(value);
    if (owner === undefined) return null;
    this.#forget(value);
    if (owner.retired) return null;
    this.#remember(value, owner);
    return owner;
  }

  note(
    { bytes, fields, upstream }: {
      readonly bytes: Uint8Array;
      readonly fields: FieldTable;
      readonly upstream: Upstream;
    },
  ): null {
    const value = this.#valueIn(bytes, fields);
    if (value === null) return null;
    this.#forget(value);
    this.#remember(value, upstream);
    for (const oldest of this.#owners.keys()) {
      const { size } = this.#owners;
      if (size <= MAX_VALUES && this.#octets <= MAX_VALUE_OCTETS) break;
      this.#forget(oldest);
    }
    return null;
  }

  #remember(value: string, owner: Upstream): void {
    this.#owners.set(value, owner);
    this.#octets += value.length;
  }

  #forget(value: string): void {
    if (this.#owners.delete(value)) this.#octets -= value.length;
  }

  #valueIn(bytes: Uint8Array, fields: FieldTable): string | null {
    for (let i = 0; i < fields.count; i++) {
      const start = fields.nameStart(i);
      if (!equalsIgnoringCase(bytes, start, fields.nameEnd(i), this.#name)) {
        continue;
      }
      const [from, to] = [fields.valueStart(i), fields.valueEnd(i)];
      return to === from ? null : latin1Slice(bytes, from, to);
    }
    return null;
  }
}
