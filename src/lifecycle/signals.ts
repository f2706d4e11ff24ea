/**
 * Signals: the first that ends asks the pool to stop, the second does not
 * ask. SIGHUP asks it to read anew what can be read anew.
 *
 * @module
 */

/** Signals that end a pool. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/** What is done on signals. */
export interface SignalActions {
  /** On SIGHUP. */
  readonly onReload: () => void;
  /** On the first one that ends. */
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
  Deno.addSignalListener("SIGHUP", () => actions.onReload());
  return promise;
}
