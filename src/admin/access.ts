/**
 * Who may see the admin pages. Pure.
 *
 * On the public port they respond to callers on this machine who have not come
 * through a proxy (with PROXY_PROTOCOL=on all have), and whoever has the token
 * or comes from an allowed address. To all others they do not exist.
 *
 * @module
 */

import { CidrSet } from "../net/cidr.ts";
import type { AdminAccessRules } from "../plane/contract.ts";

/** Who may see the admin pages. */
export type AccessOptions = AdminAccessRules;

/** Who asks. */
export interface Caller {
  /** IP address of the peer. */
  readonly clientAddress: string;
  readonly headers: readonly (readonly [string, string])[];
}

const LOOPBACK = new CidrSet(["127.0.0.0/8", "::1/128"]);

/** Fields that say the request was passed on by a proxy: its sender is not the peer. */
const FORWARDING_FIELDS =
  /^(x[-_]forwarded[-_].*|forwarded|via|x[-_]real[-_]ip)$/i;

/**
 * By what a caller on this machine asks for it: an address, or the one name
 * that cannot be given away (RFC 6761 §6.3), and those below it.
 */
const LOCAL_HOST = /^(([^:]+\.)?localhost\.?|[\d.]+|\[[\da-f:.]+\])(:\d*)?$/i;

/** Decides who may see the admin pages. */
export class AdminAccess {
  readonly #secrets: readonly Uint8Array[];
  readonly #allow: CidrSet;
  readonly #proxyProtocol: boolean;

  /** Reads the rules. */
  constructor(options: AccessOptions) {
    this.#secrets = [options.adminToken, options.adminKey]
      .filter((secret) => secret !== null && secret !== undefined)
      .map((secret) => new TextEncoder().encode(secret));
    this.#allow = new CidrSet(options.adminAllow);
    this.#proxyProtocol = options.proxyProtocol;
  }

  /** Whether this caller may see the admin pages. */
  permits(caller: Caller): boolean {
    return this.#isLocal(caller) ||
      this.#allow.contains(caller.clientAddress) ||
      this.#hasToken(caller);
  }

  #isLocal({ clientAddress, headers }: Caller): boolean {
    return !this.#proxyProtocol && LOOPBACK.contains(clientAddress) &&
      !headers.some(([name]) => FORWARDING_FIELDS.test(name)) &&
      !asksByForeignName(headers);
  }

  #hasToken({ headers }: Caller): boolean {
    const fields = headers.filter(([name]) => /^authorization$/i.test(name));
    const [, given] = /^bearer +(.+)$/i.exec(fields[0]?.[1] ?? "") ?? [];
    if (fields.length !== 1 || given === undefined) return false;
    const guess = new TextEncoder().encode(given);
    return this.#secrets.some((secret) => isSecret(guess, secret));
  }
}

/**
 * Whether the request may be that of a browser on this machine which was led
 * here by a name that somebody else owns (DNS rebinding): to the browser the
 * response would be that owner's, for his scripts to read.
 */
export function isRebound({ clientAddress, headers }: Caller): boolean {
  return LOOPBACK.contains(clientAddress) && asksByForeignName(headers);
}

/**
 * Whether a request that changes something is meant to: whether a page
 * elsewhere could not have made a browser send it. Across origins, a browser
 * sends neither of these fields without asking first ("preflight", Fetch
 * Standard), and nobody here says yes.
 */
export function isDeliberate(headers: Caller["headers"]): boolean {
  return headers.some(([name, value]) =>
    // Of other schemes a browser adds by itself what it knows.
    (/^authorization$/i.test(name) && /^bearer /i.test(value)) ||
    (/^content-type$/i.test(name) && /^application\/json *(;|$)/i.test(value))
  );
}

function asksByForeignName(headers: Caller["headers"]): boolean {
  return headers.some(([name, value]) =>
    /^host$/i.test(name) && !LOCAL_HOST.test(value)
  );
}

/** Compares in a time that depends on the guess alone: nothing is learned from how long a wrong one takes. */
function isSecret(guess: Uint8Array, secret: Uint8Array): boolean {
  let difference = guess.length ^ secret.length;
  guess.forEach((octet, i) => {
    difference |= octet ^ secret[i % secret.length]!;
  });
  return difference === 0;
}
