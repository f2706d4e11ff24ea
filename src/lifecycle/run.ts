/**
 * The command line's main job: run a pool until a signal ends it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { EventEmitter } from "../events.ts";
import { attachLogger } from "../log/attach_logger.ts";
import { PoolStartError } from "../pool/pool_start_error.ts";
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
 * Runs a pool until SIGTERM, SIGINT or SIGQUIT stops it; a second signal ends
 * the process at once. SIGHUP reads the certificate anew.
 *
 * @returns The exit code.
 */
export async function run(config: Config): Promise<number> {
  const events = new EventEmitter();
  const logger = await attachLogger(events, config);
  const supervisor = new Supervisor(config, events);
  // Before anything listens: with all descriptors in use, Deno cannot set
  // signal handling up any more.
  const stopped = listenForSignals({
    onReload: () => reload(supervisor),
    onFirst: () => supervisor.stop(),
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
  }
}

function reload(supervisor: Supervisor): void {
  const { events } = supervisor;
  const notice = (level: "info" | "error", message: string): void =>
    events.emit({ type: "notice", level, message });
  try {
    notice(
      "info",
      supervisor.reloadCertificate()
        ? "Certificate read anew: new connections are served with it."
        : "Nothing to read anew on SIGHUP: no certificate is in use.",
    );
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    notice("error", `${error.message} The certificate in use stays.`);
  }
}
