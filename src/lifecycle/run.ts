/**
 * The command line's main job: run a pool until a signal ends it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config_error.ts";
import type { Environment, Remark } from "../config/load_config.ts";
import { logFileRemedy } from "../config/log_file_problem.ts";
import { EventEmitter } from "../events/mod.ts";
import type { ReloadReport } from "../events/reload_report.ts";
import { type AttachedLogger, attachLogger } from "../log/attach_logger.ts";
import { PoolStartError } from "../pool/pool_start_error.ts";
import { mayBeInBackground, TerminalRelay } from "../log/terminal_relay.ts";
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from "../shared/exit_codes.ts";
import { boundExit } from "./exit_bound.ts";
import { printError } from "./print_error.ts";
import { type KeptRecord, register } from "./registration.ts";
import { ServiceManager, serviceManagerIn } from "./service_manager.ts";
import { listenForSignals } from "./signals.ts";
import type { Waiting } from "./stop_report.ts";
import { StartError } from "./start_error.ts";
import { Supervisor } from "./supervisor.ts";
import { WatchService } from "./watch/watch_service.ts";

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
 * Runs a pool until SIGTERM, SIGINT or SIGQUIT stops it; another one after more
 * than a second ends the process at once. SIGHUP and SIGUSR1 reload it, SIGTTIN
 * and SIGTTOU want one worker more or fewer. It stops, too, when the terminal is
 * closed in whose foreground it was started.
 *
 * @returns The exit code.
 */
export async function run(
  config: Config,
  { remarks, env, readConfig }: RunOptions,
): Promise<number> {
  const events = new EventEmitter();
  const terminal = Deno.stderr.isTerminal() ? new TerminalRelay() : null;
  /** Whether somebody is at the terminal for us, as far as can be told. */
  const attended = terminal !== null && !mayBeInBackground();
  let logger: AttachedLogger;
  try {
    logger = await attachLogger(events, {
      ...config,
      journalStream: env.get("JOURNAL_STREAM"),
      ...terminal === null ? {} : { stream: terminal },
    });
  } catch (error) {
    await terminal?.close();
    const { workerLogFile } = config;
    if (workerLogFile === null) throw error;
    printError(logFileError(workerLogFile, error).message, env);
    return EXIT_USAGE;
  }
  for (const { level, message } of remarks) {
    events.emit({ type: "notice", level, message });
  }
  const supervisor = new Supervisor(config, events, {
    readConfig,
    onReload: (report) => void manager?.reloading(report),
  });
  const manager = serviceManagerFor(supervisor, env);
  const watch = watchOf(config, supervisor);
  // Set from within a function, which the compiler does not follow.
  let record = null as KeptRecord | null;
  /** Resolves when somebody does not wait, to what is to be said of it. */
  const forced = Promise.withResolvers<string>();
  // Before anything listens: with all descriptors in use, Deno cannot set
  // signal handling up any more.
  const stopped = listenForSignals({
    // What comes of it is an event.
    onReload: () => {
      // SIGHUP's other meaning: the terminal has been closed.
      if (attended && !Deno.stderr.isTerminal()) return void supervisor.stop();
      logger.reopen();
      void supervisor.reload();
    },
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
    onSecond: (signal) =>
      forced.resolve(endedAtOnce(signal, supervisor.killAll())),
  });
  const serve = async (): Promise<null> => {
    await watch?.start();
    await supervisor.start(async () => {
      record = await register(supervisor, config, env);
    });
    // By a signal, or by a command.
    await Promise.race([stopped, supervisor.ended]);
    return null;
  };
  try {
    const message = await Promise.race([forced.promise, serve()]);
    if (message === null) return EXIT_OK;
    // The last line: the log is closed in the same turn.
    events.emit({ type: "notice", level: "warning", message });
    return EXIT_FAILURE;
  } catch (error) {
    if (supervisor.stopAsked) return EXIT_OK;
    if (error instanceof PoolStartError) logger.startFailed(error);
    else if (error instanceof StartError) {
      const { message } = error;
      events.emit({ type: "notice", level: "error", message });
    } else throw error;
    manager?.failed(error.message);
    return EXIT_FAILURE;
  } finally {
    await watch?.stop();
    await record?.remove();
    await manager?.close();
    await logger.close();
    await terminal?.close();
    if (config.tracing) boundExit((name) => env.get(name));
  }
}

/** What reloads the pool when files change; `null` where nothing is watched. */
function watchOf(
  { watch: paths, workerCwd }: Config,
  supervisor: Supervisor,
): WatchService | null {
  if (paths.length === 0) return null;
  const { events } = supervisor;
  const directory = workerCwd ?? ".";
  const reload = async (): Promise<ReloadReport | null> =>
    supervisor.stopAsked ? null : await supervisor.reload();
  return new WatchService({ paths, directory, events, reload });
}

/** What somebody has cut who did not wait, in a line that comes last. */
function endedAtOnce(
  signal: Deno.Signal,
  { requests, streams, workers }: Waiting,
): string {
  const cut = [counted(requests, "request"), counted(streams, "stream")]
    .filter((text) => text !== null).join(" and ");
  return `${signal} again: ended at once. ` +
    `${cut === "" ? "No request was in flight" : `Cut: ${cut}`}; ` +
    `${counted(workers, "worker") ?? "no worker"} killed.`;
}

function counted(count: number, word: string): string | null {
  return count === 0 ? null : `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** Whoever has started us as a service, if it can be told; it waits in vain where not, and the log says why. */
function serviceManagerFor(
  supervisor: Supervisor,
  env: Environment,
): ServiceManager | null {
  const { events } = supervisor;
  const address = serviceManagerIn(env);
  if (address === null) return null;
  try {
    return new ServiceManager(address, {
      events,
      figures: () => supervisor.figures,
      vitalParts: () => supervisor.vitalParts,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message =
      `Cannot tell the service manager (NOTIFY_SOCKET=${address.socket}) that the pool serves: ${reason}.`;
    events.emit({ type: "notice", level: "warning", message });
    return null;
  }
}

function logFileError(value: string, error: unknown): ConfigError {
  const setting = "WORKER_LOG_FILE";
  return new ConfigError([{ setting, value, remedy: logFileRemedy(error) }]);
}
