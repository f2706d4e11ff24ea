/**
 * The command line's main job: run a pool until a signal ends it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { Environment, Remark } from "../config/load_config.ts";
import { EventEmitter } from "../events.ts";
import { attachLogger } from "../log/attach_logger.ts";
import { PoolStartError } from "../pool/pool_start_error.ts";
import type { Registration } from "../registry/pool_registry.ts";
import { register } from "./registration.ts";
import { listenForSignals } from "./signals.ts";
import { StartError } from "./start_error.ts";
import { Supervisor } from "./supervisor.ts";

/** Stopped as asked. */
export const EXIT_OK = 0;
/** The pool cannot run. */
export const EXIT_FAILURE = 1;
/** The configuration or the arguments cannot be used. */
export const EXIT_USAGE = 2;

/** What the command line has to say of the configuration. */
export interface RunOptions {
  /** To be logged at the start. */
  readonly remarks: readonly Remark[];
  /** Says where the pool is to leave its record. */
  readonly env: Environment;
  /** Reads the configuration anew, for reloads. */
  readonly readConfig: () => Config;
}

/**
 * Runs a pool until SIGTERM, SIGINT or SIGQUIT stops it; a second signal ends
 * the process at once. SIGHUP and SIGUSR1 reload it, SIGTTIN and SIGTTOU want
 * one worker more or fewer.
 *
 * @returns The exit code.
 */
export async function run(
  config: Config,
  { remarks, env, readConfig }: RunOptions,
): Promise<number> {
  const events = new EventEmitter();
  const logger = await attachLogger(events, config);
  for (const { level, message } of remarks) {
    events.emit({ type: "notice", level, message });
  }
  const supervisor = new Supervisor(config, events, readConfig);
  // Set from within a function, which the compiler does not follow.
  let registration = null as Registration | null;
  // Before anything listens: with all descriptors in use, Deno cannot set
  // signal handling up any more.
  const stopped = listenForSignals({
    // What comes of it is an event.
    onReload: () => void supervisor.reload(),
    onScale: (difference) => supervisor.scaleBy(difference),
    onFirst: () => supervisor.stop(),
    onSecond: () => {
      supervisor.killAll();
      registration?.remove();
      Deno.exit(EXIT_FAILURE);
    },
  });
  try {
    await supervisor.start(async () => {
      registration = await register(supervisor, config, env);
    });
    // By a signal, or by a command.
    await Promise.race([stopped, supervisor.ended]);
    return EXIT_OK;
  } catch (error) {
    if (supervisor.stopAsked) return EXIT_OK;
    if (!(error instanceof StartError || error instanceof PoolStartError)) {
      throw error;
    }
    events.emit({ type: "notice", level: "error", message: error.message });
    return EXIT_FAILURE;
  } finally {
    registration?.remove();
    await logger.close();
  }
}
