/**
 * How a subcommand is told which pool it is to talk to.
 *
 * @module
 */

import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { hostOrSocket, remedyFor } from "../config/kinds.ts";
import { nearest } from "../config/nearest.ts";
import { ADMIN_OPTIONS, type CliOption } from "./cli_option.ts";
import {
  type AdminEndpoint,
  endpointUrl,
  type PoolRecord,
} from "../registry/pool_record.ts";
import { socketPathOf } from "../shared/authority.ts";
import { isLoopback } from "./direct_request.ts";
import { endpointOf, type Place, readPlace } from "./place.ts";
import { CliError, type SubcommandContext } from "./subcommand.ts";

export { ADMIN_OPTIONS, ADMIN_OPTIONS_HELP } from "./cli_option.ts";

/** A running pool, and how to be let in. */
export interface AdminTarget {
  /** Where its admin pages are, without a slash at the end; `unix:/path` for a socket. */
  readonly url: string;
  /** Bearer token, or `null`. */
  readonly token: string | null;
  /** How it is reached on this machine; `null` for one elsewhere. @default {as the URL says} */
  readonly endpoint?: AdminEndpoint | null;
  /** Who has to respond there; what is not given may be any. */
  readonly expected?: ExpectedPool;
  /** What is known of it from the record it has left. */
  readonly record?: PoolRecord;
  /** Something to be said along with a failure: a whole sentence. */
  readonly hint?: string;
}

/** What is known of the pool that is meant. */
export interface ExpectedPool {
  readonly instance?: string;
  readonly pid?: number;
  readonly name?: string;
}

/** The arguments of a subcommand. */
export interface AdminArguments extends AdminTarget {
  /** How the pool was named. */
  readonly selection: PoolSelection;
  /** Whether each of its own switches was given. */
  readonly flags: Readonly<Record<string, boolean>>;
  /** The values of its own options that were given. */
  readonly values: Readonly<Record<string, string>>;
  /** What is no option. */
  readonly positionals: readonly string[];
}

/** Which pool is meant. */
export interface PoolSelection {
  /** By `--admin`; `null` when not. */
  readonly admin: string | null;
  /** By `--pid`. */
  readonly pid: number | null;
  /** By `--name`, or by POOL_NAME. */
  readonly name: string | null;
  /** Whether it was named by an option, whatever the settings say. */
  readonly explicit: boolean;
  /** By the settings that it has as well. */
  readonly place: Place;
}

/**
 * Reads the arguments, and says where the pool is by them and the settings.
 *
 * @param own Options that are the subcommand's own.
 * @throws {CliError} When there is one it does not know.
 */
export function parseAdminArguments(
  { args, env }: Pick<SubcommandContext, "args" | "env">,
  own: readonly CliOption[] = [],
): AdminArguments {
  const options: ParseArgsOptionsConfig = Object.fromEntries(
    [...ADMIN_OPTIONS, ...own].map(({ name, short, value }) => [name, {
      type: value === undefined ? "boolean" : "string",
      ...short === undefined ? {} : { short },
    }]),
  );
  refuseUnknown(args, options);
  const { values, positionals } = parse([...args], options);
  const text = (name: string): string | null => {
    const value = values[name];
    return typeof value === "string" ? value : null;
  };
  const place = readPlace(env);
  const selection: PoolSelection = {
    admin: text("admin"),
    pid: readPid(text("pid")),
    name: text("name") ?? place.name,
    explicit: text("pid") !== null || text("name") !== null,
    place,
  };
  return {
    ...targetOf(selection),
    token: text("token") ?? place.token,
    selection,
    flags: Object.fromEntries(
      own.filter(({ value }) => value === undefined)
        .map(({ name }) => [name, values[name] === true]),
    ),
    values: Object.fromEntries(
      own.flatMap(({ name }) => {
        const value = text(name);
        return value === null ? [] : [[name, value]];
      }),
    ),
    positionals,
  };
}

/** Where the pool is, as far as arguments and settings say. */
function targetOf(
  { admin, place }: PoolSelection,
): Pick<AdminTarget, "url" | "endpoint"> {
  if (admin !== null) return readUrl(admin, place);
  const endpoint = endpointOf(place);
  return endpoint === null
    ? { url: "", endpoint }
    : { url: endpointUrl(endpoint), endpoint };
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

function readUrl(
  text: string,
  place: Place,
): Pick<AdminTarget, "url" | "endpoint"> {
  const { proxyProtocol } = place;
  const path = socketPathOf(text) ?? "";
  if (path !== "") {
    if (hostOrSocket.check(text) === undefined) {
      const remedy = remedyFor(hostOrSocket, text);
      throw new CliError(`Cannot use --admin ${text}: ${remedy}`, {
        usage: true,
      });
    }
    const tls = place.tls;
    const endpoint = { transport: "unix", path, tls, proxyProtocol } as const;
    return { url: text, endpoint };
  }
  const whole = text.includes("://") ? text : `http://${text}`;
  if (!/^https?:\/\//i.test(whole) || !URL.canParse(whole)) {
    throw new CliError(
      `Cannot use --admin ${text}: give a URL such as http://127.0.0.1:8080, ` +
        "or unix:/path",
      { usage: true },
    );
  }
  const url = whole.replace(/\/+$/, "");
  const { hostname, port: given, protocol, pathname } = new URL(url);
  // Behind a path there is a proxy that knows what it stands for.
  if (!isLoopback(hostname) || pathname !== "/") return { url, endpoint: null };
  const tls = protocol === "https:";
  const port = Number(given) || (tls ? 443 : 80);
  return {
    url,
    endpoint: {
      transport: "tcp",
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port,
      tls,
      proxyProtocol: proxyProtocol && port === place.settings.port,
    },
  };
}

function readPid(text: string | null): number | null {
  if (text === null) return null;
  if (/^[1-9][0-9]{0,9}$/.test(text)) return Number(text);
  throw new CliError(`Cannot use --pid ${text}: give a process id`, {
    usage: true,
  });
}
