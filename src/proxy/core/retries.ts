/**
 * How often one request has failed, at whose cost, what that means when the
 * worker has ended with it, and whether it may be sent again.
 *
 * Knows nothing of sockets. Made when a request fails for the first time:
 * those that do not fail have none.
 *
 * @module
 */

import type { Loss, Suspicion } from "../../upstream/suspicion.ts";
import type { Upstream, UpstreamEnd } from "../../upstream/upstream.ts";
import type { ProxyContext } from "./context.ts";
import { DEAF } from "./exit_notice.ts";
import type { ProxiedRequest } from "./proxied_request.ts";
import { ProxyError } from "./proxy_error.ts";
import { MAX_LOSSES } from "./suspects.ts";

/** What is asked before a request is sent again. */
type RetriesContext = Pick<
  ProxyContext,
  "options" | "dispatcher" | "suspects" | "clock"
>;

/** The failures of one request. */
export class Retries {
  /** Times it has been sent in vain. */
  attempts = 0;
  /** What has become of the last attempt; `null` while that is the first. */
  failed: ProxyError | null = null;

  readonly #context: RetriesContext;
  readonly #request: ProxiedRequest;
  /** One for each worker that was lost with it in flight and for which it may be the reason. */
  readonly #suspicions: Suspicion[] = [];
  #final = false;
  /** Whether it was taken from its worker by us. */
  #recalled = false;

  /** Begins with none. */
  constructor(context: RetriesContext, request: ProxiedRequest) {
    this.#context = context;
    this.#request = request;
  }

  /** Workers that were lost with it in flight and for which it may still be the reason. */
  get losses(): number {
    return this.#suspicions.filter(({ loss }) => !loss.solved).length;
  }

  /** Whether it has been sent as often as it may be. */
  get exhausted(): boolean {
    return this.attempts > this.#context.options.maxRetries;
  }

  /**
   * Takes note that its worker is lost, for which it may be the reason: from
   * now on it is sent once more at most, and not at all after another loss,
   * unless it turns out that another was the reason.
   */
  noteLoss(loss: Loss, { sparesLast }: Pick<Suspicion, "sparesLast">): void {
    const ageMs = this.#context.clock.now() - this.#request.givenAt;
    const suspicion = { loss, sparesLast, ageMs };
    this.#suspicions.push(suspicion);
    this.#request.suspicion = suspicion;
  }

  /** Is not to be sent again: it is thought to be what its worker hangs on. */
  disableRetry(): void {
    this.#final = true;
  }

  /** Is what its workers have ended by: those that were suspected with it are not any more. */
  convict(): void {
    this.disableRetry();
    for (const { loss } of this.#suspicions) loss.solved = true;
  }

  /** Whether it may be given another worker, or wait for one, as far as that depends on those that were lost with it. */
  get mayGoOn(): boolean {
    return this.#mayGoOn(this.#context.dispatcher.hasOthersFor(this.#request));
  }

  /** Whether it may be given one now that there is one for it. */
  get mayBeGiven(): boolean {
    const { dispatcher } = this.#context;
    return this.#mayGoOn(dispatcher.acceptingFor(this.#request) > 1);
  }

  #mayGoOn(hasOthers: boolean): boolean {
    if (this.#final || this.losses >= MAX_LOSSES) return false;
    if (this.losses === 0) return true;
    const { suspects, clock } = this.#context;
    if (suspects.deadly(this.#request.describe(), clock.now())) {
      return false;
    }
    return hasOthers ||
      this.#suspicions.every(({ loss, sparesLast }) =>
        loss.solved || !sparesLast
      );
  }

  /** Is taken from `upstream`, which hangs, where another may be given it; returns whether that is so. Nothing of a response must have come. */
  recall(upstream: Upstream): boolean {
    const { maxRetries } = this.#context.options;
    const allowed = this.#request.repeatable && this.attempts < maxRetries &&
      this.mayGoOn;
    if (allowed) {
      this.#recalled = true;
      this.#request.avoid = upstream;
    }
    return allowed;
  }

  /** Takes note that an attempt with `upstream` has failed; returns whether there is to be another one. */
  allow(failed: ProxyError, upstream: Upstream): boolean {
    // A refusal is no attempt: nothing was sent, and the worker is out of
    // rotation, so that the next one is another's turn, or the queue's.
    const refused = failed.code === "connect-failed" && !upstream.accepting;
    if (!refused) this.attempts++;
    this.failed = failed;
    // Of a connection that was closed while idle its worker is none the worse,
    // and may keep something for the client.
    if (failed.code !== "stale-connection") this.#request.avoid = upstream;
    return failed.retryable && !this.exhausted && this.mayGoOn &&
      !this.#isKnown(failed) &&
      this.#mayFindPort(failed);
  }

  /** Whether it has been left unanswered, as by workers of late that have ended after it. */
  #isKnown({ code }: ProxyError): boolean {
    const { suspects, clock } = this.#context;
    return code === "upstream-closed" && suspects.size > 0 &&
      suspects.deadly(this.#request.describe(), clock.now());
  }

  /**
   * Whether it would say more of `error` whether the worker has ended with the
   * connection. Asked once of each failure.
   */
  wantsEnd({ code }: ProxyError): boolean {
    const recalled = this.#recalled;
    this.#recalled = false;
    return !recalled &&
      (code === "upstream-closed" || code === "stale-connection");
  }

  /** What has failed an attempt, now that it is known how its worker has ended; `null` where it has not. A `stream` goes on until then. */
  explain(
    error: ProxyError,
    end: UpstreamEnd | null,
    how: { readonly stream: boolean },
  ): ProxyError {
    if (end === null) return error;
    // Of one that has exited, the control plane has said who is suspected.
    if (end === DEAF) this.#suspectOfLoss();
    return this.#workerEnded(end, error, how);
  }

  /** Takes note that its worker is lost, and that nobody else knows of it: by that the request is remembered, too, until another gets a response. */
  #suspectOfLoss(): void {
    this.noteLoss({ solved: false }, { sparesLast: false });
    const { suspects, clock } = this.#context;
    const loss = { at: clock.now(), refutable: true };
    suspects.record([this.#request.describe()], loss);
  }

  #workerEnded(
    { cause, description }: UpstreamEnd,
    { retryable }: ProxyError,
    { stream }: { readonly stream: boolean },
  ): ProxyError {
    if (cause === "requested") {
      return stream
        ? new ProxyError("worker-stopped", { setting: "STOP_TIMEOUT_MS" })
        : new ProxyError("worker-stopped", { retryable });
    }
    const note = retryable && !this.mayGoOn
      ? `${description}; not sent again, as it may be the reason`
      : description;
    return new ProxyError("worker-ended", { retryable, note });
  }

  /**
   * Whether there may be a port left to connect from. Where there is none, the
   * kernel takes milliseconds to find that out: it is not asked the same again.
   */
  #mayFindPort({ code }: ProxyError): boolean {
    return code !== "out-of-ports" ||
      this.#context.dispatcher.acceptingFor(this.#request) > 1;
  }
}
