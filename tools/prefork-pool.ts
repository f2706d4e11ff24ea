#!/usr/bin/env -S sh -c 'exec deno run --allow-net --allow-run --allow-env -R -W --allow-ffi="$(echo /lib*/*-linux-gnu/libc.so.6 /lib64/libc.so.6 /lib/ld-musl-*.so.1 | tr " " ,)" "$(readlink -f "$0")" "$@"'
/**
 * The command line: arguments -> configuration -> pool -> exit code.
 *
 * @module
 */

import type { Config } from "../src/config/config.ts";
import {
  findSubcommand,
  type FoundSubcommand,
} from "../src/cli/find_subcommand.ts";
import { CliError } from "../src/cli/subcommand.ts";
import {
  reportCliError,
  runSubcommand,
  SUBCOMMAND_HELP,
} from "../src/cli/subcommands.ts";
import { ConfigError } from "../src/config/config_error.ts";
import { helpText, shortHelpText, versionText } from "../src/config/help.ts";
import {
  type Environment,
  type Invocation,
  loadConfig,
} from "../src/config/load_config.ts";
import { takeEnvironment } from "../src/config/take_environment.ts";
import { checkStart } from "../src/lifecycle/check_start.ts";
import { printError } from "../src/lifecycle/print_error.ts";
import { run } from "../src/lifecycle/run.ts";
import { enterAnew, shellDirectory } from "../src/lifecycle/shell_directory.ts";
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from "../src/shared/exit_codes.ts";

async function main(): Promise<number> {
  let found: FoundSubcommand | null;
  try {
    found = findSubcommand(Deno.args);
  } catch (error) {
    if (error instanceof CliError) return reportCliError(error);
    throw error;
  }
  if (found !== null) {
    const { name, args } = found;
    const { env } = Deno;
    return await runSubcommand(name, { args, env, print });
  }
  let env: Environment = Deno.env;
  let invocation: Invocation;
  let directory: string | null = null;
  try {
    env = takeEnvironment();
    directory = shellDirectory(env.get("PWD"));
    invocation = loadConfig({ args: Deno.args, env, directory });
  } catch (error) {
    if (error instanceof ConfigError) {
      printError(error.message, env);
      return EXIT_USAGE;
    }
    if (error instanceof Deno.errors.NotCapable) {
      console.error(
        "Cannot read the settings from the environment: " +
          "Deno does not permit it. Run with --allow-env.",
      );
      return EXIT_FAILURE;
    }
    throw error;
  }
  switch (invocation.action) {
    case "help":
      print(
        (invocation.all ? helpText : shortHelpText)(SUBCOMMAND_HELP).trimEnd(),
      );
      return EXIT_OK;
    case "version":
      print(versionText().trimEnd());
      return EXIT_OK;
    case "check":
      return await check(invocation, env);
    case "run":
      return await run(invocation.config, {
        remarks: invocation.remarks,
        env,
        readConfig: () => readConfigAnew(env, directory),
      });
  }
}

/** Writes what was asked for; a full disk is told in a line, and no fault of the program's. */
function print(text: string): void {
  try {
    console.log(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    console.error(`Cannot write the output: ${why}`);
    Deno.exit(EXIT_FAILURE);
  }
}

/** Says whether the pool could start with these settings, as far as that can be seen without starting it. */
async function check(
  { config, remarks }: Pick<
    Extract<Invocation, { readonly config: Config }>,
    "config" | "remarks"
  >,
  env: Environment,
): Promise<number> {
  for (const { message } of remarks) console.error(message);
  const { problems, warnings } = await checkStart(config, env.get("PATH"));
  for (const problem of problems) printError(problem, env);
  if (problems.length > 0) return EXIT_FAILURE;
  for (const warning of warnings) console.error(`Warning: ${warning}`);
  print("The configuration can be used.");
  return EXIT_OK;
}

/** For reloads: flags and environment cannot have changed, the file they name can, and the directory it is in. */
function readConfigAnew(
  env: Environment,
  directory: string | null,
): Config {
  if (directory !== null) enterAnew(directory);
  const invocation = loadConfig({ args: Deno.args, env, directory });
  if (invocation.action === "run") return invocation.config;
  throw new Error(
    `Cannot reload: the arguments ask for "${invocation.action}"`,
  );
}

// Not `Deno.exitCode`: a log line that nobody reads would keep the process alive.
Deno.exit(await main());
