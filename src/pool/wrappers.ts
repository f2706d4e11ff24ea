/**
 * Programs that only run another one, and who is behind them. Pure.
 *
 * `npm start`, `sh -c`, a start script and the like end on a signal, or pass
 * it on to nobody, while the application behind them has a clean-up to make. So
 * the signal is for the first process that is no such wrapper.
 *
 * @module
 */

import type { ProcessEntry, ProcessTable } from "../system/process_lookout.ts";

/** Shells: they run what a script says. One that handles the signal itself wants it. */
const SHELLS: ReadonlySet<string> = new Set([
  "sh",
  "ash",
  "bash",
  "busybox",
  "dash",
  "fish",
  "ksh",
  "mksh",
  "zsh",
]);

/** Programs that run another one and wait for it. Some pass signals on, none to more than their child, which may be a shell. */
const RUNNERS: ReadonlySet<string> = new Set([
  "cross-env",
  "cross-env-shell",
  "dotenv",
  "env-cmd",
  "npm",
  "npx",
  "pnpm",
  "pnpx",
  "script",
  "su",
  "sudo",
  "time",
  "timeout",
  "yarn",
  "yarnpkg",
]);

/** Runtimes: what they are given is the application, unless that is a runner or they have a command that runs another. */
const RUNTIMES: ReadonlySet<string> = new Set([
  "bun",
  "deno",
  "java",
  "node",
  "nodejs",
  "perl",
  "php",
  "python",
  "ruby",
  "zigttp",
]);

/** Commands of runtimes and tools that run another program. */
const RUNNING_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  bun: ["run", "x"],
  deno: ["task"],
  uv: ["run"],
  poetry: ["run"],
  pdm: ["run"],
};

/** What a program file is called that a runtime runs, and no command of a runner. */
const SCRIPT_FILE = /\.[cm]?[jt]sx?$/;

/** What a command is, as far as its words tell. */
export type ProgramKind =
  /** A shell. */
  | "shell"
  /** Another program that runs one. */
  | "runner"
  /** The application itself. */
  | "application"
  /** Any program: a server, or a script that runs one. */
  | "unknown";

/** Tells what a process is, or would be, that runs `words`. */
export function programKind(words: readonly string[]): ProgramKind {
  // npm and others overwrite their words with a title: "npm start".
  const [first = "", ...args] = words.length === 1
    ? words[0]!.split(" ")
    : words;
  // A login shell has a hyphen in front.
  const name = programName(first).replace(/^-/, "");
  if (SHELLS.has(name)) return "shell";
  if (RUNNERS.has(name)) return "runner";
  const [command, operand] = args.filter((arg) => !arg.startsWith("-"));
  if (RUNNING_COMMANDS[name]?.includes(command ?? "")) {
    // Bun runs files and the commands of a package with the same word.
    return SCRIPT_FILE.test(operand ?? "") ? "application" : "runner";
  }
  if (!RUNTIMES.has(name)) return "unknown";
  return command !== undefined && RUNNERS.has(programName(command))
    ? "runner"
    : "application";
}

/** `npm` of `/usr/lib/node_modules/npm/bin/npm-cli.js`, `python` of `python3.12`. */
function programName(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return SCRIPT_FILE.test(name)
    ? name.replace(SCRIPT_FILE, "").replace(/-cli$/, "")
    : name.replace(/[\d.]+$/, "");
}

/** Who is asked for. */
export interface TargetQuery {
  /** The process that was started. */
  readonly leader: number;
  /** Number of the signal. */
  readonly signalNumber: number;
  /** Processes that listen on the worker's port: of those behind a wrapper, they are the application. */
  readonly listeners: ReadonlySet<number>;
}

/** Whom a signal is for. */
export interface SignalTargets {
  /** The application: the first processes behind the wrappers that are none. Where none of them serves, the shells too, which may be about to start it. */
  readonly application: readonly number[];
  /** What else stands behind the same wrappers, such as a helper that a script has started: to be told when the application has ended. */
  readonly besides: readonly number[];
}

/**
 * Whom a signal to `leader` is for: the first processes below it that are no
 * wrappers. The leader itself when it is none, and when nobody is behind it.
 */
export function signalTargets(
  table: ProcessTable,
  query: TargetQuery,
): SignalTargets {
  const { leader, signalNumber, listeners } = query;
  const itself = { application: [leader], besides: [] };
  const entry = table.get(leader);
  if (entry === undefined || !isWrapper(entry, signalNumber)) return itself;
  const children = childrenOf(table, leader);
  if (children.length === 0) return itself;
  const isServing = (child: number): boolean =>
    descendantsOf(table, child).some((pid) => listeners.has(pid));
  const behind = (child: number): SignalTargets =>
    signalTargets(table, { ...query, leader: child });
  const serving = children.filter(isServing);
  const rest = serving.length === 0
    ? []
    : children.filter((child) => !isServing(child));
  const told = (serving.length === 0 ? children : serving).map(behind);
  // A runner passes the signal on, and the application would get it twice.
  const isShell = programKind(entry.words) === "shell";
  const shells = serving.length === 0 && isShell ? [leader] : [];
  return {
    application: [
      ...told.flatMap(({ application }) => application),
      ...shells,
    ],
    besides: [
      ...told.flatMap(({ besides }) => besides),
      ...rest.map(behind).flatMap(({ application, besides }) => [
        ...application,
        ...besides,
      ]),
    ],
  };
}

/** `pid` and all below it. */
export function descendantsOf(
  table: ProcessTable,
  pid: number,
): readonly number[] {
  const found = [pid];
  for (const parent of found) found.push(...childrenOf(table, parent));
  return found;
}

function childrenOf(table: ProcessTable, parent: number): readonly number[] {
  return [...table.values()].filter(({ parentId }) => parentId === parent)
    .map(({ pid }) => pid);
}

function isWrapper(entry: ProcessEntry, signalNumber: number): boolean {
  const handles = (entry.caught >> BigInt(signalNumber - 1) & 1n) === 1n;
  switch (programKind(entry.words)) {
    case "shell":
      return !handles;
    case "runner":
      return true;
    case "application":
    case "unknown":
      return false;
  }
}
