/**
 * The command line's main job: run a pool until a signal ends it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { EventEmitter } from "../events.ts";
import { attachLogger } from "../log/attach_logger.ts";
import { PoolStartError } from "../pool/pool_start_error.ts";
import { mayBeInBackground, TerminalRelay } from "../log/terminal_relay.ts";
import { listenForSignals } from "./signals.ts";
import { StartError } from "./start_error.ts";
import { Supervisor } from "./supervisor.ts";

/** Stopped as asked. */
export const EXIT_OK = 0;
/** The pool cannot run. */
export const EXIT_FAILURE = 1;
/** The configuration or the arguments cannot be used. */
export const EXIT_USAGE = 2;

/**
 * Runs a pool until SIGTERM, SIGINT or SIGQUIT stops it; another one after more
 * than a second ends the process at once. SIGHUP and SIGUSR1 reload it, SIGTTIN and SIGTTOU want
 * one worker more or fewer.
 *
 * @param readConfig Reads the configuration anew, for reloads.
 * @returns The exit code.
 */
export async function run(
  config: Config,
  readConfig: () => Config,
): Promise<number> {
  const events = new EventEmitter();
  const terminal = Deno.stderr.isTerminal() ? new TerminalRelay() : null;
  const logger = await attachLogger(events, {
    ...config,
    ...terminal === null ? {} : { stream: terminal },
  });
  const supervisor = new Supervisor(config, events, readConfig);
  // Before anything listens: with all descriptors in use, Deno cannot set
  // signal handling up any more.
  const stopped = listenForSignals({
    // What comes of it is an event.
    onReload: () => void supervisor.reload(),
    onScale: (difference) => supervisor.scaleBy(difference),
    // Only who writes to a terminal is sent them by it.
    fromTerminal: () => (terminal?.direct ?? false) && mayBeInBackground(),
    onFirst: () => supervisor.stop(),
    onRepeated: (signal) =>
      events.emit({
        type: "notice",
        level: "info",
        message: `${signal} came again within a second and is taken for the ` +
          "same: the pool is stopping; again to end now.",
      }),
    onSecond: () => {
      supervisor.killAll();
      Deno.exit(EXIT_FAILURE);
    },
  });
  try {
    await supervisor.start();
    await stopped;
    return EXIT_OK;
  } catch (error) {
    if (supervisor.stopAsked) return EXIT_OK;
    if (!(error instanceof StartError || error instanceof PoolStartError)) {
      throw error;
    }
    events.emit({ type: "notice", level: "error", message: error.message });
    return EXIT_FAILURE;
  } finally {
    await logger.close();
    await terminal?.close();
  }
}
