/**
 * Where we accept what Node refuses or reads differently, and why that is
 * right. As narrow as can be: what is listed here is not looked at again.
 *
 * @module
 */

import { METHODS } from "node:http";
import type { SeenMessage } from "./view.ts";

/** A kind of message on which we and Node differ, with Node on the wrong side or no harm in it. */
export interface KnownDifference {
  readonly why: string;
  /** What Node may say of it. Behind a request to upgrade it refuses without saying anything. */
  readonly reasons: readonly string[];
  /** Whether the first message that Node does not see as we do is of this kind. */
  applies(message: SeenMessage, input: string): boolean;
}

/** What may stand in values of workers, and not in those of clients. */
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]/;

const BOTH_WAYS: readonly KnownDifference[] = [
  {
    why:
      "Content-Length fields that say the same are one (RFC 9112 §6.3, 5); " +
      "we pass one on.",
    reasons: ["HPE_UNEXPECTED_CONTENT_LENGTH"],
    applies: ({ fields }) => {
      const lengths = fields
        .filter(([name]) => /^content-length$/i.test(name))
        .map(([, value]) => Number(value));
      return lengths.length > 1 && new Set(lengths).size === 1;
    },
  },
  {
    why:
      "White space behind a value may be a tab (RFC 9110 §5.5 and §5.6.3); " +
      "Node takes it for a part of these.",
    reasons: [
      "HPE_INVALID_CONTENT_LENGTH",
      "HPE_INVALID_TRANSFER_ENCODING",
      "HPE_CLOSED_CONNECTION",
    ],
    applies: (_, input) =>
      /(content-length|transfer-encoding|connection):.*\t[\t ]*\r\n/i
        .test(input),
  },
  {
    why: "Trailer fields never say anything of the message or the connection " +
      "(RFC 9110 §6.5.1), and such are dropped; Node believes these.",
    reasons: [
      "HPE_INVALID_CONTENT_LENGTH",
      "HPE_INVALID_TRANSFER_ENCODING",
      "HPE_UNEXPECTED_CONTENT_LENGTH",
      "HPE_CLOSED_CONNECTION",
    ],
    applies: (_, input) =>
      /\r\n0+(;.*)?\r\n(.+\r\n)*(content-length|transfer-encoding|(proxy-)?connection):/i
        .test(input),
  },
];

/** What we take of either side, as there is only one way to read it. */
const TAKEN: readonly KnownDifference[] = [
  {
    why:
      "Bad white space in the line of a chunk is to be taken (RFC 9110 §5.6.3).",
    reasons: ["HPE_STRICT", "HPE_INVALID_CHUNK_SIZE"],
    applies: (_, input) => /\r\n[\da-f]+(?:[\t ]|;[^\r\n]*[\t ])/i.test(input),
  },
  {
    why: "A higher minor version is that of HTTP/1.1 (RFC 9110 §2.5).",
    reasons: ["HPE_INVALID_VERSION"],
    applies: (_, input) => /HTTP\/1\.[2-9]/.test(input),
  },
];

/** In requests. */
export const REQUEST_DIFFERENCES: readonly KnownDifference[] = [
  ...BOTH_WAYS,
  ...TAKEN,
  {
    why: "Any token is a method (RFC 9110 §9.1); Node has a list of them.",
    reasons: ["HPE_INVALID_METHOD"],
    applies: (message) => !isKnownMethod(message),
  },
  {
    why: "Proxy-Connection means nothing (RFC 9112 §C.2.2) and is dropped; " +
      "Node takes it for Connection.",
    reasons: ["HPE_CLOSED_CONNECTION"],
    applies: (_, input) => /\r\nproxy-connection:/i.test(input),
  },
];

/** In responses. */
export const RESPONSE_DIFFERENCES: readonly KnownDifference[] = [
  ...BOTH_WAYS,
  ...TAKEN,
  {
    why: "A bare LF ends the line of a worker (RFC 9112 §2.2).",
    reasons: [
      "HPE_CR_EXPECTED",
      "HPE_INVALID_HEADER_TOKEN",
      "HPE_INVALID_STATUS",
    ],
    applies: (_, input) => /(?:^|[^\r])\n/.test(input),
  },
  {
    why: "Control characters in a worker's values harm nobody.",
    reasons: ["HPE_INVALID_HEADER_TOKEN", "HPE_INVALID_STATUS"],
    applies: (_, input) => CONTROLS.test(input),
  },
  {
    why: "An interim response does not end the connection, whatever it says: " +
      "the final one is still to come (RFC 9110 §15.2).",
    reasons: ["HPE_CLOSED_CONNECTION"],
    applies: ({ start }) => start.includes(" "),
  },
  {
    why: "Malformed trailers cost nobody the body, which is complete without " +
      "them (RFC 9112 §8); they are dropped, and the connection with them.",
    reasons: [
      "HPE_INVALID_HEADER_TOKEN",
      "HPE_INVALID_HEADER_VALUE",
      "HPE_INVALID_CHUNK_SIZE",
      "HPE_STRICT",
      "HPE_CR_EXPECTED",
      "HPE_LF_EXPECTED",
      "HPE_UNEXPECTED_SPACE",
      "HPE_HEADER_OVERFLOW",
      "HPE_INVALID_TRANSFER_ENCODING",
      "HPE_INVALID_CONTENT_LENGTH",
    ],
    applies: (_, input) => /\r\n0+(;.*)?\r\n(?!\r\n)/.test(input),
  },
];

/** Whether Node reads the values of a head: it takes no control characters in them. */
export function isReadableByNode(head: string): boolean {
  return !CONTROLS.test(head);
}

/** Whether Node knows the method of a request. */
export function isKnownMethod({ start }: SeenMessage): boolean {
  return METHODS.includes(start.slice(0, start.indexOf(" ")));
}
