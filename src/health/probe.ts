/**
 * Asks a worker from outside how it is: one GET over a connection of its own.
 *
 * Knows nothing of workers' states or of thresholds; it says what it saw.
 *
 * @module
 */

import { INCOMPLETE } from "../http1/field_table.ts";
import { HttpError } from "../http1/http_error.ts";
import { parseResponseHead, ResponseHead } from "../http1/response_head.ts";
import { isExhaustion, isOutOfPorts } from "../net/exhaustion.ts";
import type { ProbeTarget } from "../pool/health_watcher.ts";
import { authorityOf } from "../shared/authority.ts";
import { Deadline } from "./deadline.ts";

/** Largest response head read, in bytes. A health page has no need of more. */
const MAX_HEAD_BYTES = 16_384;

/** What a probe saw. */
export type ProbeResult =
  /** A final response came, with this status. */
  | { readonly type: "responded"; readonly status: number }
  /** Nobody listens. */
  | { readonly type: "refused" }
  /** No response came in time. */
  | { readonly type: "timeout"; readonly timeoutMs: number }
  /** Something came that is no HTTP response, or the connection was cut. */
  | { readonly type: "malformed"; readonly message: string }
  /** It speaks TLS, where plain HTTP is asked for. */
  | { readonly type: "tls" }
  /** Somebody else than the worker listens there. */
  | { readonly type: "foreign"; readonly holder: string | null }
  /** There was no descriptor to probe with, or no port, which says nothing about the target. */
  | { readonly type: "not-made" }
  /** The probe was called off. */
  | { readonly type: "aborted" };

/** How to probe. */
export interface ProbeOptions {
  /** Path to ask for. */
  readonly healthPath: string;
  /** What the Host field says; `null` is where it is sent to. @default {null} */
  readonly healthHost?: string | null;
  /** Longest wait for the response head, connecting included, in milliseconds. */
  readonly healthTimeoutMs: number;
  /** Calls the probe off. */
  readonly signal: AbortSignal;
  /** Called when somebody has accepted the connection. @default {nobody wants to know} */
  readonly onConnected?: () => void;
}

/** Sends one GET to `target` and returns what came of it. Never rejects for anything the target does. */
export async function probe(
  target: ProbeTarget,
  options: ProbeOptions,
): Promise<ProbeResult> {
  const { healthTimeoutMs: timeoutMs, signal } = options;
  if (signal.aborted) return { type: "aborted" };
  using deadline = new Deadline(timeoutMs, signal);
  try {
    return await exchange(target, options, deadline);
  } catch (error) {
    if (signal.aborted) return { type: "aborted" };
    if (deadline.passed) return { type: "timeout", timeoutMs };
    if (error instanceof Deno.errors.ConnectionRefused) {
      return { type: "refused" };
    }
    if (isExhaustion(error) || isOutOfPorts(error)) return { type: "not-made" };
    const message = error instanceof Error ? error.message : String(error);
    return { type: "malformed", message };
  }
}

/** The result as a sentence part, for people; `healthPath` is what was asked for. */
export function describeProbe(
  result: ProbeResult,
  healthPath: string | null = null,
): string {
  switch (result.type) {
    case "responded":
      return healthPath !== null && isClientError(result.status)
        ? `responded with ${result.status} to HEALTH_PATH ${healthPath}`
        : `responded with ${result.status}`;
    case "refused":
      return "connection refused";
    case "timeout":
      return `no response within ${result.timeoutMs} ms`;
    case "malformed":
      return `bad response: ${result.message}`;
    case "tls":
      return "it speaks TLS and not plain HTTP";
    case "foreign":
      return `its port is held by ${result.holder ?? "another program"}`;
    case "not-made":
      return "not probed for want of descriptors or ports";
    case "aborted":
      return "probe called off";
  }
}

/** Whether a status says that the request is at fault, which here the settings are (RFC 9110 §15.5). */
function isClientError(status: number): boolean {
  return status >= 400 && status < 500;
}

/**
 * Whether what was seen is a healthy worker. Any response below 500 is: an
 * application without a health page responds with 404 and works. Where the path was
 * set on purpose (`healthStrict`) only 2xx and 3xx are.
 */
export function isHealthy(result: ProbeResult, healthStrict: boolean): boolean {
  return result.type === "responded" &&
    result.status < (healthStrict ? 400 : 500);
}

async function exchange(
  target: ProbeTarget,
  options: ProbeOptions,
  deadline: Deadline,
): Promise<ProbeResult> {
  using conn = await deadline.connect(target);
  // Where nobody listens, the kernel may give an outgoing connection the
  // very port it goes to, and TCP then connects it to itself.
  const local = conn.localAddr as Deno.NetAddr;
  if (local.port === target.port && local.hostname === target.hostname) {
    return { type: "refused" };
  }
  options.onConnected?.();
  await writeAll(conn, encodeProbe(target, options));
  return { type: "responded", status: await readStatus(conn) };
}

/** What a worker is asked with; `keep` leaves the connection open. */
export function encodeProbe(
  target: ProbeTarget,
  { healthPath, healthHost = null, keep = false }:
    & Pick<ProbeOptions, "healthPath" | "healthHost">
    & { readonly keep?: boolean },
): Uint8Array {
  return new TextEncoder().encode(
    `GET ${healthPath} HTTP/1.1\r\n` +
      `Host: ${healthHost ?? authorityOf(target)}\r\n` +
      "User-Agent: prefork-pool-health\r\n" +
      "Accept: */*\r\n" +
      `Connection: ${keep ? "keep-alive" : "close"}\r\n\r\n`,
  );
}

/** Reads heads until one is final: a 1xx says nothing about health (RFC 9110 §15.2). */
async function readStatus(conn: Deno.Conn): Promise<number> {
  const buffer = new Uint8Array(MAX_HEAD_BYTES);
  const head = new ResponseHead();
  let start = 0;
  let end = 0;
  for (;;) {
    const next = parseResponseHead(buffer, start, end, head);
    if (next !== INCOMPLETE) {
      if (head.status >= 200) return head.status;
      start = next;
      continue;
    }
    if (end === buffer.length) throw new HttpError(502, "Head too large");
    const count = await conn.read(buffer.subarray(end));
    if (count === null) throw new HttpError(502, "Connection closed");
    end += count;
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await conn.write(bytes.subarray(sent));
  }
}
