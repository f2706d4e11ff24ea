/**
 * The balancer's own responses: short, typed, and silent about what is behind
 * it. Pure.
 *
 * @module
 */

import { ascii } from "./bytes.ts";

/** Reason phrases of the responses we make. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** What goes into a response of our own. */
export interface ErrorResponse {
  readonly status: number;
  /** One sentence, for the body. */
  readonly message: string;
  /** `Connection: close` is said. @default {true} */
  readonly close?: boolean;
  /** No body is sent, but its length is said: the response to HEAD. @default {false} */
  readonly toHead?: boolean;
  /** Seconds to wait before another try. */
  readonly retryAfterSeconds?: number | null;
  readonly requestId?: string;
  /** The line `Date: ...`, ended. */
  readonly dateLine?: string;
}

/** The reason phrase of a status. */
export function reasonPhrase(status: number): string {
  return REASONS[status] ?? "";
}

/** A response that was written out. */
export interface WrittenResponse {
  readonly bytes: Uint8Array;
  /** Octets of content in {@linkcode bytes}. */
  readonly contentBytes: number;
}

/** The whole response. */
export function errorResponse(response: ErrorResponse): WrittenResponse {
  const { status, message } = response;
  const body = `${status} ${reasonPhrase(status)}: ${message}\n`;
  let head = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n` +
    (response.dateLine ?? "") +
    "Content-Type: text/plain; charset=utf-8\r\n" +
    `Content-Length: ${body.length}\r\n`;
  if (status === 405) {
    head += "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n";
  }
  const { retryAfterSeconds = null } = response;
  if (retryAfterSeconds !== null) {
    head += `Retry-After: ${retryAfterSeconds}\r\n`;
  }
  if (response.requestId !== undefined) {
    head += `X-Request-Id: ${response.requestId}\r\n`;
  }
  if (response.close ?? true) head += "Connection: close\r\n";
  const content = response.toHead ? "" : body;
  return {
    bytes: ascii(`${head}\r\n${content}`),
    contentBytes: content.length,
  };
}
