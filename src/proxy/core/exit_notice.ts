/**
 * Whether a worker that has closed a connection has exited with it: that says
 * more of a failure than the connection does.
 *
 * @module
 */

import type { Upstream, UpstreamEnd } from "../../upstream/upstream.ts";
import type { ProxyContext } from "./context.ts";
import { type Cancellable, NOBODY } from "./link.ts";

/**
 * How long the end of a process is waited for after it has closed a
 * connection, in milliseconds. Its sockets are seen to end some 2 ms before it
 * is. Who ends later than that, and listens meanwhile, need not have ended for
 * the request.
 */
const EXIT_NOTICE_MS = 50;

/**
 * How long it is waited for where nobody listens any more, in milliseconds:
 * `npm` ends some 70 ms after its program, a shell when it has cleaned up, and
 * who is killed as soon as the kernel comes to it.
 */
const WRAPPER_EXIT_MS = 1_000;

/** A worker whose process may run on, but that nobody can reach any more: what listened is gone. */
export const DEAF: UpstreamEnd = Object.freeze({
  cause: "self-inflicted",
  description: "nobody listens there any more",
});

/**
 * Waits for the process behind `upstream` to be seen to exit, and calls
 * `onKnown` once: with how it ended, with {@linkcode DEAF}, or with `null`
 * where neither has happened. Never during this call, and not once the
 * returned function was called.
 *
 * @param retryable Whether anything depends on it: else nobody looks whether
 * it listens, which takes a connection.
 */
export function awaitExit(
  upstream: Upstream,
  { timers, connector, retryable }:
    & Pick<ProxyContext, "timers" | "connector">
    & { readonly retryable: boolean },
  onKnown: (end: UpstreamEnd | null) => void,
): () => void {
  let deaf = false;
  let attempt: Cancellable | null = null;
  const report = (end: UpstreamEnd | null): void => {
    stop();
    onKnown(end);
  };
  const look = (): void => {
    // One that we have asked to end listens no more for that.
    const wanted = retryable && !upstream.retired;
    if (!wanted && !upstream.doomed) return report(null);
    timer = timers.after(WRAPPER_EXIT_MS, () => report(deaf ? DEAF : null));
    if (!wanted) return;
    const goOn = (): void => {
      if (!upstream.doomed) report(null);
    };
    attempt = connector.connect(upstream, {
      onConnected: (link) => {
        link.handler = NOBODY;
        link.close();
        goOn();
      },
      onConnectFailed: ({ reason }) => {
        deaf = reason === "refused";
        if (deaf) upstream.reportRefused();
        else goOn();
      },
    });
  };
  // In two halves: where we have been busy, the first is over before what
  // came in the meantime is looked at.
  let timer = timers.after(EXIT_NOTICE_MS / 2, () => {
    timer = timers.after(EXIT_NOTICE_MS / 2, look);
  });
  const forget = upstream.onEnd(report);
  const stop = (): void => {
    timer.cancel();
    attempt?.cancel();
    forget();
  };
  return stop;
}
