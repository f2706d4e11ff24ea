/**
 * Finds out whether a port speaks TLS: a server that expects it responds to
 * a plain request with an alert, with nothing at all, or with a page that says
 * so, but a ClientHello always in the same way.
 *
 * @module
 */

import type { ProbeTarget } from "../pool/health_watcher.ts";
import { Deadline } from "./deadline.ts";

/** Longest wait for the first octets, connecting included, in milliseconds. */
const TIMEOUT_MS = 1_000;

/** Record types with which a server begins: alert and handshake (RFC 8446 §5.1). */
const ALERT = 21;
const HANDSHAKE = 22;

/** Major version of every record since SSL 3.0. */
const MAJOR_VERSION = 3;

/** Whether what listens on `target` responds to a ClientHello as a TLS server does. Never rejects. */
export async function speaksTls(
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted) return false;
  using deadline = new Deadline(TIMEOUT_MS, signal);
  try {
    using conn = await deadline.connect(target);
    await conn.write(clientHello());
    const record = new Uint8Array(5);
    const count = await conn.read(record);
    return count !== null && count >= 2 && record[1] === MAJOR_VERSION &&
      (record[0] === HANDSHAKE || record[0] === ALERT);
  } catch {
    // Refused, cut, or kept waiting: no sign of TLS.
    return false;
  }
}

/** The smallest ClientHello that servers of TLS 1.2 respond to (RFC 5246 §7.4.1.2). */
function clientHello(): Uint8Array<ArrayBuffer> {
  const suites = [0xc0, 0x2f, 0xc0, 0x2b, 0xc0, 0x30, 0x00, 0x9c, 0x00, 0x2f];
  const body = [
    MAJOR_VERSION,
    3,
    ...crypto.getRandomValues(new Uint8Array(32)),
    0, // no session
    0,
    suites.length,
    ...suites,
    1, // one compression method: none
    0,
  ];
  return new Uint8Array([
    HANDSHAKE,
    MAJOR_VERSION,
    1,
    0,
    body.length + 4,
    1, // client_hello
    0,
    0,
    body.length,
    ...body,
  ]);
}
