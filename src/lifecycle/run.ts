/**
 * The command line's main job: run a pool until a signal ends it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config_error.ts";
import { logFileRemedy } from "../config/log_file_problem.ts";
import { EventEmitter } from "../events.ts";
import { type AttachedLogger, attachLogger } from "../log/attach_logger.ts";
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
 * the process at once. SIGHUP and SIGUSR1 reload it, SIGTTIN and SIGTTOU want
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
  let logger: AttachedLogger;
  try {
    logger = await attachLogger(events, config);
  } catch (error) {
    const { workerLogFile } = config;
    if (workerLogFile === null) throw error;
    console.error(logFileError(workerLogFile, error).message);
    return EXIT_USAGE;
  }
  const supervisor = new Supervisor(config, events, readConfig);
  // Before anything listens: with all descriptors in use, Deno cannot set
  // signal handling up any more.
  const stopped = listenForSignals({
    // What comes of it is an event.
    onReload: () => {
      logger.reopen();
      void supervisor.reload();
    },
    onScale: (difference) => supervisor.scaleBy(difference),
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
    if (error instanceof PoolStartError) logger.startFailed(error);
    else if (error instanceof StartError) {
      const { message } = error;
      events.emit({ type: "notice", level: "error", message });
    } else throw error;
    return EXIT_FAILURE;
  } finally {
    await logger.close();
  }
}

function logFileError(value: string, error: unknown): ConfigError {
  const setting = "WORKER_LOG_FILE";
  return new ConfigError([{ setting, value, remedy: logFileRemedy(error) }]);
}
