/**
 * What an origin server can be told to do, as plain data: a script can be
 * handed to another process as JSON.
 *
 * @module
 */

/** One thing an origin does on a connection. */
export type OriginStep =
  /** Reads a request head and leaves the body unread. */
  | { readonly do: "read-head" }
  /** Reads a request with its body. */
  | { readonly do: "read-request" }
  /** Reads so many bytes. */
  | { readonly do: "read-bytes"; readonly count: number }
  /** Reads up to and with these bytes. */
  | { readonly do: "read-through"; readonly delimiter: string }
  /** Reads until the peer ends. After `read-request`: never answers. */
  | { readonly do: "read-end" }
  /** Sends bytes, one a character; in pieces of `pieceBytes` with a pause between, if given. */
  | {
    readonly do: "send";
    readonly data: string;
    readonly pieceBytes?: number;
    readonly pauseMs?: number;
  }
  /** Sends `count` times the letter x. */
  | { readonly do: "send-fill"; readonly count: number }
  /** Does nothing for a while. */
  | { readonly do: "wait"; readonly ms: number }
  /** Does nothing until the test calls {@linkcode RecordingOrigin.open} with this name. */
  | { readonly do: "gate"; readonly name: string }
  /** Closes the sending side. */
  | { readonly do: "half-close" }
  /** Closes both sides. */
  | { readonly do: "close" }
  /** Resets the connection. */
  | { readonly do: "reset" }
  /** Begins again with the first step. */
  | { readonly do: "repeat" };

/**
 * What happens on one connection, in order. When the steps are through, the
 * origin reads on until the peer ends.
 */
export type OriginScript = readonly OriginStep[];

/**
 * A script that answers each request of a connection with the same bytes.
 *
 * @example
 * ```ts
 * import { answering } from "./origin_script.ts";
 * import { RecordingOrigin } from "./recording_origin.ts";
 * import assert from "node:assert/strict";
 *
 * await using origin = await RecordingOrigin.start([
 *   answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
 * ]);
 * const response = await fetch(`http://127.0.0.1:${origin.port}/a`);
 * assert.equal(await response.text(), "ok");
 * assert.equal(origin.requests[0]?.target, "/a");
 * ```
 */
export function answering(response: string): OriginScript {
  return [
    { do: "read-request" },
    { do: "send", data: response },
    { do: "repeat" },
  ];
}
