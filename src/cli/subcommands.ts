/**
 * The subcommands of the command line: what each is called, what it does, and
 * where it is.
 *
 * @module
 */

import type { SubcommandHelp } from "../config/help.ts";
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from "../shared/exit_codes.ts";
import {
  CliError,
  type SubcommandContext,
  type SubcommandTable,
} from "./subcommand.ts";

/** All subcommands by name. */
export const SUBCOMMANDS: SubcommandTable = {
  status: {
    synopsis: "[--json]",
    brief: "a running pool, its workers",
    summary: "show what a running pool and its workers do",
    load: async () => (await import("./status.ts")).status,
  },
  top: {
    synopsis: "",
    brief: "watch it; reload, scale",
    summary: "the same, refreshed every second, with keys to reload and scale",
    load: async () => (await import("./top.ts")).top,
  },
  reload: {
    synopsis: "",
    brief: "replace every worker",
    summary: "replace every worker, and say what came of it",
    load: async () => (await import("./reload.ts")).reload,
  },
  scale: {
    synopsis: "N|+N|-N",
    brief: "another number of workers",
    summary: "set the wanted number of workers",
    load: async () => (await import("./scale.ts")).scale,
  },
  simulate: {
    synopsis: "LOAD",
    brief: "try scaling settings out",
    summary: "replay a load against scaling settings",
    load: async () => (await import("./simulate.ts")).simulate,
  },
  list: {
    synopsis: "[--json]",
    brief: "the pools of this user",
    summary: "show the pools of this user on this machine",
    load: async () => (await import("./list.ts")).list,
  },
  logs: {
    synopsis: "[-f] [--worker N]",
    brief: "what the workers write",
    summary: "show what the workers write; -f goes on",
    load: async () => (await import("./logs.ts")).logs,
  },
  events: {
    synopsis: "[-f]",
    brief: "what happens to the pool",
    summary: "show what happens to the pool; -f goes on",
    load: async () => (await import("./events.ts")).events,
  },
  stop: {
    synopsis: "",
    brief: "end it gracefully",
    summary: "end a pool: requests in flight first, then workers",
    load: async () => (await import("./stop.ts")).stop,
  },
  health: {
    synopsis: "[--ready]",
    brief: "for health checks",
    summary: "exit code 0 while the pool runs, for health checks",
    load: async () => (await import("./health.ts")).health,
  },
  completions: {
    synopsis: "SHELL",
    summary: "print what makes bash, zsh or fish complete all this",
    load: async () =>
      (await import("./completions/completions.ts")).completions,
  },
};

/** The same for the help of the whole program. */
export const SUBCOMMAND_HELP: readonly SubcommandHelp[] = Object
  .entries(SUBCOMMANDS)
  .map(([name, { synopsis, summary, brief }]) => ({
    name,
    usage: `${name} ${synopsis}`.trimEnd(),
    summary,
    ...brief === undefined ? {} : { brief },
  }));

/** Says why a subcommand cannot be run; returns the exit code. */
export function reportCliError(error: CliError): number {
  console.error(error.message);
  return error.usage ? EXIT_USAGE : EXIT_FAILURE;
}

/** Runs the subcommand `name`, and says on stderr why it could not; resolves to the exit code. */
export async function runSubcommand(
  name: string,
  given: Omit<SubcommandContext, "subcommands">,
): Promise<number> {
  const context = { ...given, subcommands: SUBCOMMANDS };
  const { help, run } = await SUBCOMMANDS[name]!.load();
  if (context.args.some((arg) => arg === "--help" || arg === "-h")) {
    context.print(help.trimEnd());
    return EXIT_OK;
  }
  try {
    return await run(context);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      console.error(
        `Cannot ${name}: Deno does not permit it (${error.message}). ` +
          "Run with --allow-net --allow-run --allow-env, or -A.",
      );
      return EXIT_FAILURE;
    }
    if (error instanceof CliError) return reportCliError(error);
    // What was asked for has come, and is not what a pool sends.
    if (!(error instanceof TypeError)) throw error;
    console.error(
      `Cannot ${name}: what responds sends what no pool does, or not one of ` +
        `this version (${error.message}).`,
    );
    return EXIT_FAILURE;
  }
}
