/**
 * Whether a worker that has closed a connection has exited with it: that says
 * more of a failure than the connection does.
 *
 * @module
 */

import type { Upstream, UpstreamEnd } from "../../upstream/upstream.ts";
import type { Timers } from "./link.ts";

/**
 * How long the end of a process is waited for after it has closed a
 * connection, in milliseconds. Its sockets are seen to end some 2 ms before it
 * is; where `npm` or a shell is in between, some 7 ms. Who ends later than that
 * need not have ended for the request.
 */
const EXIT_NOTICE_MS = 50;

/**
 * Waits for the process behind `upstream` to be seen to exit, and calls
 * `onKnown` once: with how it ended, or with `null` where it has not. Never
 * during this call, and not once the returned function was called.
 */
export function awaitExit(
  upstream: Upstream,
  timers: Timers,
  onKnown: (end: UpstreamEnd | null) => void,
): () => void {
  const report = (end: UpstreamEnd | null): void => {
    stop();
    onKnown(end);
  };
  // In two halves: where we have been busy, the first is over before what
  // came in the meantime is looked at.
  let timer = timers.after(EXIT_NOTICE_MS / 2, () => {
    timer = timers.after(EXIT_NOTICE_MS / 2, () => report(null));
  });
  const forget = upstream.onEnd(report);
  const stop = (): void => {
    timer.cancel();
    forget();
  };
  return stop;
}
