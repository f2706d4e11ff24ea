/**
 * Skew protection: a cookie says which generation of workers a client belongs
 * to, so that a page that was loaded before a deployment finds the server it
 * was made by.
 *
 * Knows nothing of which generations there are: the dispatcher does.
 *
 * @module
 */

import {
  ascii,
  equalsIgnoringCase,
  startsWith,
  ZERO,
} from "../../http1/bytes.ts";
import { visitCookies } from "../../http1/cookies.ts";
import { Field } from "../../http1/field_names.ts";
import type { RequestHead } from "../../http1/request_head.ts";

/** Name of the cookie. */
export const SKEW_COOKIE = "prefork-generation";

/** Digits of a generation that are believed: nobody reloads a billion times. */
const MAX_DIGITS = 9;

const HTTPS = ascii("https");

/** Which generation the client of one request belongs to. */
export interface Pin {
  /** Its number; `null` for a client that is new, or was served by a balancer that is no more. */
  readonly generation: number | null;
  /** The line `Set-Cookie: ...`, ended, that ties the client to `generation`; `null` when it belongs there already. */
  renewal(generation: number): Uint8Array | null;
}

/** Reads and writes the cookie of one balancer. */
export class SkewCookie {
  readonly #tls: boolean;
  /** Name and value up to the number of the generation. */
  readonly #prefix: string;
  readonly #prefixBytes: Uint8Array;

  /**
   * Creates a cookie that no other balancer takes for its own: their
   * generations have the same numbers, as have this one's after a restart.
   *
   * @param id What no other balancer has.
   * @param tls Whether clients speak TLS to this balancer.
   */
  constructor(id: string, tls: boolean) {
    this.#tls = tls;
    this.#prefix = `${SKEW_COOKIE}=${id}-`;
    this.#prefixBytes = ascii(this.#prefix);
  }

  /** Returns where the client of the request in `head` belongs; `trusted` peers are believed that it speaks TLS. */
  pinOf(bytes: Uint8Array, head: RequestHead, trusted: boolean): Pin {
    const generation = this.#read(bytes, head);
    const secure = this.#tls || (trusted && isForwardedHttps(bytes, head));
    return {
      generation,
      renewal: (serving) =>
        serving === generation ? null : this.#line(serving, secure),
    };
  }

  /** Cookies of other balancers, and what is no cookie of ours, count as none. */
  #read(bytes: Uint8Array, { fields }: RequestHead): number | null {
    const prefix = this.#prefixBytes;
    let generation: number | null = null;
    visitCookies(bytes, fields, (start, end) => {
      if (startsWith(bytes, start, end, prefix)) {
        generation = readGeneration(bytes, start + prefix.length, end);
      }
      return generation === null;
    });
    return generation;
  }

  /** No script needs it, and it goes when the browser is closed. */
  #line(generation: number, secure: boolean): Uint8Array {
    return ascii(
      `Set-Cookie: ${this.#prefix}${generation}; Path=/; HttpOnly; ` +
        `SameSite=Lax${secure ? "; Secure" : ""}\r\n`,
    );
  }
}

function readGeneration(
  bytes: Uint8Array,
  start: number,
  end: number,
): number | null {
  if (end <= start || end - start > MAX_DIGITS) return null;
  let generation = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) return null;
    generation = generation * 10 + digit;
  }
  // They are counted from 1, and written in one way only.
  return bytes[start] === ZERO ? null : generation;
}

function isForwardedHttps(bytes: Uint8Array, { fields }: RequestHead): boolean {
  if (!fields.has(Field.X_FORWARDED_PROTO)) return false;
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind(i) !== Field.X_FORWARDED_PROTO) continue;
    const start = fields.valueStart(i);
    if (equalsIgnoringCase(bytes, start, fields.valueEnd(i), HTTPS)) {
      return true;
    }
  }
  return false;
}
