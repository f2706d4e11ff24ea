/**
 * Signals: the first asks the pool to stop, the second does not ask.
 *
 * @module
 */

/** Signals that end a pool. SIGHUP too: the terminal it was started from is gone. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"] as const;

/** What is done on signals. */
export interface SignalActions {
  /** On the first one. */
  readonly onFirst: () => Promise<void>;
  /** On each further one. */
  readonly onSecond: () => void;
}

/** Listens from now on; resolves when the action of the first signal is done. */
export function listenForSignals(actions: SignalActions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let asked = false;
  const onSignal = (): void => {
    if (asked) return actions.onSecond();
    asked = true;
    actions.onFirst().then(resolve, reject);
  };
  for (const signal of STOP_SIGNALS) {
    Deno.addSignalListener(signal, onSignal);
  }
  return promise;
}
