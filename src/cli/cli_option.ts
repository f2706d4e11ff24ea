/**
 * The options of the subcommands as tables: from each come what is accepted,
 * what `--help` says, and what a shell completes.
 *
 * @module
 */

/** One option of a subcommand. */
export interface CliOption {
  /** Without its dashes. */
  readonly name: string;
  /** A letter that stands for it. */
  readonly short?: string;
  /** What stands for its value in the help; a switch has none. */
  readonly value?: string;
  /** Whether that is the name of a file. */
  readonly file?: boolean;
  /** What it does, a line or several. */
  readonly help: string;
}

/** Where the explanations begin. */
const TEXT_COLUMN = 19;

/** Returns the lines of the help that explain these options. */
export function optionsHelp(options: readonly CliOption[]): string {
  return options.map(({ name, short, value, help }) => {
    const flag = `  ${short === undefined ? "" : `-${short}, `}--${name}` +
      (value === undefined ? "" : ` ${value}`);
    const indent = `\n${" ".repeat(TEXT_COLUMN)}`;
    const gap = flag.length <= TEXT_COLUMN - 2
      ? " ".repeat(TEXT_COLUMN - flag.length)
      : indent;
    return `${flag}${gap}${help.replaceAll("\n", indent)}\n`;
  }).join("");
}

/** What every subcommand accepts. */
export const HELP_OPTION: CliOption = {
  name: "help",
  short: "h",
  help: "print this",
};

/** What the help of a subcommand ends with. */
export const EXIT_CODES_HELP = `\
Exit codes: 0 done, 1 it cannot be done, 2 the arguments cannot be used
`;

/** What every subcommand that talks to a pool accepts. */
export const ADMIN_OPTIONS: readonly CliOption[] = [
  { name: "pid", value: "PID", help: "the pool with this process id" },
  { name: "name", value: "NAME", help: "the pool with this POOL_NAME" },
  {
    name: "admin",
    value: "URL",
    help: "where its admin pages are, http://host:port or unix:/path\n" +
      "[default: where a pool with the same environment has them]",
  },
  {
    name: "token",
    value: "T",
    help: "what opens them, where a token is asked for [ADMIN_TOKEN]",
  },
  HELP_OPTION,
];

/** What the help of such a subcommand ends with. */
export const ADMIN_OPTIONS_HELP = `\
Options:
${optionsHelp(ADMIN_OPTIONS)}
${EXIT_CODES_HELP}`;
