/**
 * What `prefork-pool simulate` is asked for.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config_error.ts";
import { type Environment, loadConfig } from "../config/load_config.ts";
import { OWN_RULE, RULES } from "../simulate/rules.ts";
import { type CliOption, HELP_OPTION } from "./cli_option.ts";
import { CliError } from "./subcommand.ts";

/** One simulation to be run. */
export interface RunRequest {
  /** What it is called in the output. */
  readonly name: string;
  /** The name of a rule. */
  readonly rule: string;
  readonly config: Config;
}

/** What a simulation of dispatch is told beside the settings. */
export interface DispatchRequest {
  /** Requests that a worker computes at once. */
  readonly threads: number;
  /** After which clients give up, in milliseconds. */
  readonly patienceMs: number;
  /** Share of its time in which a request of an access log waits, 0-1. */
  readonly waitRatio: number;
}

/** All that is asked for. */
export interface SimulateRequest {
  /** A shape, a file, or `-` for the standard input. */
  readonly trace: string;
  readonly startupMs: number;
  /** Requests per second that a worker serves; `null`: as SCALE_UP_RATE suggests. */
  readonly capacity: number | null;
  /** Where a drawing goes; `-` is the standard output. */
  readonly svg: string | null;
  readonly json: boolean;
  /** What is asked for where dispatch is simulated, and not scaling; else `null`. */
  readonly dispatch: DispatchRequest | null;
  /** The first is the one that was set up, the others are compared with it. */
  readonly runs: readonly RunRequest[];
}

/** The name of what runs with the settings as given. */
const AS_SET = OWN_RULE;

/** Time an ordinary Node or Deno server takes to start, in milliseconds. */
const DEFAULT_STARTUP_MS = 500;

/** What settings of dispatch are compared with where nothing else is asked for. */
const USUAL_COMPARISONS: readonly string[] = [
  "WORKER_CONCURRENCY=0",
  "POLICY=least-connections WORKER_CONCURRENCY=0",
  "WORKER_CONCURRENCY=1",
  "WORKER_CONCURRENCY=4",
  "WORKER_CONCURRENCY=16",
];

/** The options that are ours; all else is left to the settings. */
export const SIMULATE_OPTIONS: readonly CliOption[] = [
  {
    name: "compare",
    value: '"SCALE_UP_RATE=50 MAX_WORKERS=8"',
    help: "the same with other settings; may be repeated",
  },
  {
    name: "rule",
    value: "NAME",
    help: `another rule to compare with: ${
      Object.keys(RULES).filter((name) => name !== OWN_RULE).join(", ")
    };\nmay be repeated, and is explained below the table`,
  },
  {
    name: "startup-ms",
    value: "N",
    help: `how long a worker takes to start [${DEFAULT_STARTUP_MS}]`,
  },
  {
    name: "capacity",
    value: "N",
    help: "requests per second one serves [1.25 x SCALE_UP_RATE]",
  },
  {
    name: "svg",
    value: "FILE",
    file: true,
    help: "draw it there (- is the standard output; needs --allow-write)",
  },
  {
    name: "dispatch",
    help: "simulate dispatch instead: requests one by one,\n" +
      "against policies and caps",
  },
  {
    name: "threads",
    value: "N",
    help: "requests a worker computes at once [1]",
  },
  {
    name: "patience-ms",
    value: "N",
    help: "after which clients give up [never]",
  },
  {
    name: "wait-ratio",
    value: "N",
    help: "share of a logged request's time that it waits [0]",
  },
  { name: "json", help: "print everything as JSON" },
  HELP_OPTION,
];

/** Those with a value, with their dashes. */
const VALUED: ReadonlySet<string> = new Set(
  SIMULATE_OPTIONS.filter(({ value }) => value !== undefined)
    .map(({ name }) => `--${name}`),
);

/** What would do nothing without `--dispatch`. */
const DISPATCH_ALONE = ["--threads", "--patience-ms", "--wait-ratio"];

/** What would do nothing with it. */
const SCALING_ALONE = ["--rule", "--startup-ms", "--capacity", "--svg"];

/** Options that stand alone. */
const TOGGLES: ReadonlySet<string> = new Set(["--json", "--dispatch"]);

/**
 * Reads the arguments behind `simulate`. What is not known here is a setting
 * of the pool.
 *
 * @throws {CliError} When they cannot be used.
 */
export function parseSimulateArguments(
  args: readonly string[],
  env: Environment,
): SimulateRequest {
  const [trace, ...rest] = args;
  if (trace === undefined || trace.startsWith("--")) {
    throw usageError(
      "Cannot simulate: name the load first, as in simulate step",
    );
  }
  const { own, settings } = separate(rest);
  refuseIdle(own);
  const values = (name: string): readonly string[] => own.get(name) ?? [];
  const base = configOf(settings, env);
  const dispatch = own.has("--dispatch")
    ? {
      threads: Math.ceil(numberOf("--threads", values("--threads")) ?? 1),
      patienceMs: numberOf("--patience-ms", values("--patience-ms")) ??
        Infinity,
      waitRatio: ratioOf("--wait-ratio", values("--wait-ratio")) ?? 0,
    }
    : null;
  const compared = values("--compare");
  const comparisons = dispatch !== null && compared.length === 0
    ? USUAL_COMPARISONS
    : compared;
  return {
    trace,
    startupMs: numberOf("--startup-ms", values("--startup-ms")) ??
      DEFAULT_STARTUP_MS,
    capacity: numberOf("--capacity", values("--capacity")),
    svg: values("--svg").at(-1) ?? null,
    json: own.has("--json"),
    dispatch,
    runs: [
      { name: AS_SET, rule: OWN_RULE, config: base },
      ...comparisons.map((text) => ({
        name: text,
        rule: OWN_RULE,
        config: configOf([...settings, ...flagsOf(text)], env),
      })),
      ...values("--rule").map((rule) => ({
        name: rule,
        rule: knownRule(rule),
        config: base,
      })),
    ],
  };
}

function separate(
  args: readonly string[],
): { own: ReadonlyMap<string, readonly string[]>; settings: string[] } {
  const own = new Map<string, readonly string[]>();
  const settings: string[] = [];
  const remaining = [...args];
  for (
    let arg = remaining.shift();
    arg !== undefined;
    arg = remaining.shift()
  ) {
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg : arg.slice(0, equals);
    if (TOGGLES.has(name)) own.set(name, []);
    else if (VALUED.has(name)) {
      const value = equals < 0 ? remaining.shift() : arg.slice(equals + 1);
      if (value === undefined || value === "") {
        throw usageError(`Cannot simulate: ${name} needs a value`);
      }
      own.set(name, [...own.get(name) ?? [], value]);
    } else settings.push(arg);
  }
  return { own, settings };
}

/** An option that would do nothing is a mistake of whoever gave it. */
function refuseIdle(own: ReadonlyMap<string, readonly string[]>): void {
  const dispatch = own.has("--dispatch");
  const idle = (dispatch ? SCALING_ALONE : DISPATCH_ALONE)
    .find((name) => own.has(name));
  if (idle === undefined) return;
  throw usageError(
    `Cannot simulate: ${idle} ` +
      (dispatch ? "does nothing with --dispatch" : "needs --dispatch"),
  );
}

/** `SCALE_UP_RATE=50, MAX_WORKERS=8` as flags: the last one of a name counts. */
function flagsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== "").map((part) => {
    const assignment = /^([A-Za-z_]+)=(.+)$/.exec(part);
    if (assignment === null) {
      throw usageError(
        `Cannot compare "${text}": write settings as SCALE_UP_RATE=50`,
      );
    }
    const [, name = "", value = ""] = assignment;
    return `--${name.toLowerCase().replaceAll("_", "-")}=${value}`;
  });
}

function configOf(args: readonly string[], env: Environment): Config {
  try {
    const invocation = loadConfig({ args, env, elsewhere: true });
    if (invocation.action === "run") return invocation.config;
  } catch (error) {
    if (error instanceof ConfigError) throw usageError(error.message);
    throw error;
  }
  throw usageError("Cannot simulate: only settings may follow the load");
}

function numberOf(name: string, values: readonly string[]): number | null {
  const text = values.at(-1);
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) {
    throw usageError(
      `Cannot simulate: ${name}=${text} must be a number above 0`,
    );
  }
  return value;
}

function ratioOf(name: string, values: readonly string[]): number | null {
  const text = values.at(-1);
  if (text === undefined) return null;
  const value = Number(text);
  if (value >= 0 && value <= 1) return value;
  throw usageError(
    `Cannot simulate: ${name}=${text} must be a number from 0 to 1`,
  );
}

function knownRule(name: string): string {
  if (Object.hasOwn(RULES, name)) return name;
  throw usageError(
    `Cannot simulate: --rule=${name} must be one of ${
      Object.keys(RULES).join(", ")
    }`,
  );
}

function usageError(message: string): CliError {
  return new CliError(message, { usage: true });
}
