/**
 * Whether a worker that closed a connection has ended altogether.
 *
 * @module
 */

import type { Upstream, UpstreamEnd } from "../upstream/upstream.ts";

/**
 * How long the end of a process is waited for after it has closed a
 * connection, in milliseconds. Its sockets are seen to end some 2 ms before it
 * is; where `npm` or a shell is in between, some 7 ms. Who ends later than that
 * need not have ended for the request.
 */
const END_NOTICE_MS = 50;

/** Returns how the process behind `upstream` ended, or `null` when it has not by then. */
export async function awaitEnd(
  upstream: Upstream,
): Promise<UpstreamEnd | null> {
  if (upstream.end !== null) return upstream.end;
  const { promise, resolve } = Promise.withResolvers<UpstreamEnd | null>();
  const stop = upstream.onEnd(resolve);
  // In two halves: where we have been busy, the first is over before what
  // came in the meantime is looked at.
  let timer = setTimeout(() => {
    timer = setTimeout(() => resolve(null), END_NOTICE_MS / 2);
  }, END_NOTICE_MS / 2);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    stop();
  }
}
