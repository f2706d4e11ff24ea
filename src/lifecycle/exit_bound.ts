/**
 * An end for the end of the process, where Deno may not find one.
 *
 * @module
 */

import { NativeUnavailableError, openLibc } from "../transport/epoll/libc.ts";

/** What Deno exports at its end: spans, and what it measures itself. */
const LAST_EXPORTS = 2;

/** Beside what the exports may take, in milliseconds. */
const MARGIN_MS = 5_000;

/**
 * Has the kernel end the process (SIGALRM) if Deno's last exports take longer
 * than they may: with a thread that has served on epoll, and a collector that
 * takes connections and never responds, Deno 2.9 waits for ever.
 *
 * Nothing happens without permission for the C library: then there was no such
 * thread either.
 *
 * @param exportTimeoutMs How long one export may take.
 */
export function boundExit(exportTimeoutMs: number): void {
  const seconds = Math.ceil(
    (LAST_EXPORTS * exportTimeoutMs + MARGIN_MS) / 1000,
  );
  try {
    openLibc().call.alarm(seconds);
  } catch (error) {
    if (!(error instanceof NativeUnavailableError)) throw error;
  }
}
