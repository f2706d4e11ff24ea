/**
 * How a subcommand is told which pool it is to talk to.
 *
 * @module
 */

import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { nearest } from "../config/nearest.ts";
import { CliError, type SubcommandContext } from "./subcommand.ts";

/** The port of a pool that was not given one. */
const DEFAULT_PORT = "8080";

/** A running pool, and how to be let in. */
export interface AdminTarget {
  /** Where its admin pages are, without a slash at the end. */
  readonly url: string;
  /** Bearer token, or `null`. */
  readonly token: string | null;
}

/** The arguments of a subcommand. */
export interface AdminArguments extends AdminTarget {
  /** Whether each of its own switches was given. */
  readonly flags: Readonly<Record<string, boolean>>;
  /** What is no option. */
  readonly positionals: readonly string[];
}

/** What every subcommand that talks to a pool accepts. */
export const ADMIN_OPTIONS_HELP = `\
Options:
  --admin URL   where the pool's admin pages are
                [default http://127.0.0.1:PORT, ADMIN_PORT if set, or 8080]
  --token T     what opens them, where a token is asked for [ADMIN_TOKEN]
  -h, --help    print this
`;

/**
 * Reads the arguments.
 *
 * @param flags Switches of the subcommand's own.
 * @throws {CliError} When there is one it does not know.
 */
export function parseAdminArguments(
  { args, env }: Pick<SubcommandContext, "args" | "env">,
  flags: readonly string[] = [],
): AdminArguments {
  const options: ParseArgsOptionsConfig = {
    admin: { type: "string" },
    token: { type: "string" },
    ...Object.fromEntries(flags.map((flag) => [flag, { type: "boolean" }])),
  };
  refuseUnknown(args, options);
  const { values, positionals } = parse([...args], options);
  const { admin, token } = values;
  return {
    url: typeof admin === "string" ? readUrl(admin) : defaultUrl(env),
    token: typeof token === "string" ? token : env.get("ADMIN_TOKEN") || null,
    flags: Object.fromEntries(
      flags.map((flag) => [flag, values[flag] === true]),
    ),
    positionals,
  };
}

/** `parseArgs` knows which one is wrong, but not which one was meant. */
function refuseUnknown(
  args: readonly string[],
  options: ParseArgsOptionsConfig,
): void {
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    tokens: true,
  });
  const unknown = tokens.find((token) =>
    token.kind === "option" && !Object.hasOwn(options, token.name)
  );
  if (unknown?.kind !== "option") return;
  const meant = nearest(
    unknown.rawName,
    Object.keys(options).map((name) => `--${name}`),
  );
  const hint = meant === null ? "--help lists them" : `did you mean ${meant}?`;
  throw new CliError(
    `Cannot read the arguments: ${unknown.rawName} is not an option; ${hint}`,
    { usage: true },
  );
}

function parse(
  args: string[],
  options: ParseArgsOptionsConfig,
): ReturnType<typeof parseArgs> {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (cause) {
    // Of several sentences the first says what is wrong.
    const [reason] = (cause as Error).message.split(". ");
    throw new CliError(`Cannot read the arguments: ${reason}`, {
      usage: true,
      cause,
    });
  }
}

function readUrl(text: string): string {
  const whole = /^https?:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(whole)) {
    throw new CliError(
      `Cannot use --admin ${text}: give a URL such as http://127.0.0.1:8080`,
      { usage: true },
    );
  }
  return whole.replace(/\/+$/, "");
}

/** Where a pool with the same environment has its pages. */
function defaultUrl(env: SubcommandContext["env"]): string {
  const adminPort = env.get("ADMIN_PORT");
  if (adminPort) {
    return `http://${reachable(env.get("ADMIN_HOST"))}:${adminPort}`;
  }
  const scheme = env.get("SERVER_CERT_PATH") ? "https" : "http";
  return `${scheme}://127.0.0.1:${env.get("PORT") || DEFAULT_PORT}`;
}

/** How an address that is listened on is written to be asked at. */
function reachable(host: string | undefined): string {
  if (!host || host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
