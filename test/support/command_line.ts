/**
 * The subcommands as a user runs them: a process, its output and its exit
 * code. Where the process is not what matters, they run in that of the test.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { runSubcommand } from "../../src/cli/subcommands.ts";
import { DEFAULT_DEADLINE_MS, withDeadline } from "./deadline.ts";

const PROGRAM = fileURLToPath(
  new URL("../../tools/prefork-pool.ts", import.meta.url),
);

/** What a command said, and how it ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Permissions with which everything works that needs no files. */
const DEFAULT_PERMISSIONS = ["--allow-net", "--allow-run", "--allow-env"];

/** The words that run the program. */
export function commandLine(
  args: readonly string[],
  permissions: readonly string[] = DEFAULT_PERMISSIONS,
): readonly string[] {
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    ...permissions,
    PROGRAM,
    ...args,
  ];
}

/** Runs the program to its end, in an environment that has `env` and no setting beside. */
export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  permissions: readonly string[] = DEFAULT_PERMISSIONS,
): Promise<CommandResult> {
  const [program, ...words] = commandLine(args, permissions);
  const child = new Deno.Command(program!, {
    args: words,
    clearEnv: true,
    env: { ...inherited(), NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await withDeadline(
    child.output(),
    DEFAULT_DEADLINE_MS,
    () => `"${args.join(" ")}" goes on running`,
  );
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/**
 * Runs a subcommand without a process of its own, which would take half a
 * second of CPU time: for the second test of the same way to a pool.
 */
export async function runHere(
  [name = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const printed: string[] = [];
  const told: string[] = [];
  const { error } = console;
  console.error = (text: string) => told.push(`${text}\n`);
  try {
    const code = await runSubcommand(name, {
      args,
      env: new Map(Object.entries(env)),
      print: (text) => printed.push(`${text}\n`),
    });
    return { code, stdout: printed.join(""), stderr: told.join("") };
  } finally {
    console.error = error;
  }
}

/** What Deno itself needs of our environment. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "PREFORK_POOL_CI_RUN"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
