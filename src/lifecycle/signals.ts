/**
 * Signals: the first that ends asks the pool to stop, the second does not
 * ask. SIGHUP and SIGUSR1 ask for a reload, SIGTTIN and SIGTTOU for one worker
 * more or fewer.
 *
 * @module
 */

/** Signals that end a pool. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/** What is done on signals. */
export interface SignalActions {
  /** On SIGHUP, which is what service managers send, and SIGUSR1, which is what puma knows. */
  readonly onReload: () => void;
  /** On SIGTTIN (1) and SIGTTOU (-1). */
  readonly onScale: (difference: 1 | -1) => void;
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
  Deno.addSignalListener("SIGUSR1", () => actions.onReload());
  Deno.addSignalListener("SIGTTIN", () => actions.onScale(1));
  Deno.addSignalListener("SIGTTOU", () => actions.onScale(-1));
  return promise;
}
