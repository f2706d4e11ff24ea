/**
 * Signals: the first that ends asks the pool to stop, one that comes later does
 * not ask. SIGHUP and SIGUSR1 ask for a reload, SIGTTIN and SIGTTOU for one
 * worker more or fewer.
 *
 * @module
 */

import { closeInspector } from "./close_inspector.ts";

/** Signals that end a pool. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/**
 * How long after the first one further signals are taken for the same, in
 * milliseconds. A Ctrl-C comes from the terminal, and once more from each
 * program in front of us that passes it on; nobody presses it twice so quickly
 * who has seen what came of the first.
 */
export const SAME_SIGNAL_MS = 1_000;

/**
 * How long a reload waits for a signal that ends, in milliseconds. Of two that
 * are sent together the system may deliver either first, and a pool that is to
 * end needs no new workers.
 */
const RELOAD_PAUSE_MS = 50;

/** What is done on signals. */
export interface SignalActions {
  /** On SIGHUP, which is what service managers send, and SIGUSR1, which is what puma knows. */
  readonly onReload: () => void;
  /** On SIGTTIN (1) and SIGTTOU (-1). */
  readonly onScale: (difference: 1 | -1) => void;
  /** On the first one that ends. */
  readonly onFirst: () => Promise<void>;
  /** On one that is taken for the first come again. */
  readonly onRepeated: (signal: Deno.Signal) => void;
  /** On each later one. */
  readonly onSecond: (signal: Deno.Signal) => void;
  /**
   * Whether SIGTTIN and SIGTTOU may have been sent by the terminal, which sends
   * them to whoever is in its background and reads, or writes: they are
   * nobody's wish then.
   */
  readonly fromTerminal: () => boolean;
  /** Monotonic, in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
}

/** Listens from now on; resolves when the action of the first signal is done. */
export function listenForSignals(actions: SignalActions): Promise<void> {
  const { clock = (): number => performance.now() } = actions;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let firstAt: number | null = null;
  const onSignal = (signal: Deno.Signal): void => {
    if (firstAt === null) {
      firstAt = clock();
      actions.onFirst().then(resolve, reject);
    } else if (clock() - firstAt < SAME_SIGNAL_MS) actions.onRepeated(signal);
    else actions.onSecond(signal);
  };
  let reload: ReturnType<typeof setTimeout> | undefined;
  const onReload = (): void => {
    clearTimeout(reload);
    reload = setTimeout(actions.onReload, RELOAD_PAUSE_MS);
  };
  const onScale = (difference: 1 | -1): void => {
    if (!actions.fromTerminal()) actions.onScale(difference);
  };
  for (const signal of STOP_SIGNALS) {
    Deno.addSignalListener(signal, () => onSignal(signal));
  }
  Deno.addSignalListener("SIGHUP", onReload);
  Deno.addSignalListener("SIGUSR1", () => {
    void closeInspector();
    onReload();
  });
  Deno.addSignalListener("SIGTTIN", () => onScale(1));
  Deno.addSignalListener("SIGTTOU", () => onScale(-1));
  // Deno trims its memory on the first where it is told to; the second says that
  // a log file is as large as it may be (RLIMIT_FSIZE), which the write says,
  // too. Else both would end the pool.
  for (const signal of ["SIGUSR2", "SIGXFSZ"] as const) {
    Deno.addSignalListener(signal, () => {});
  }
  return promise;
}
