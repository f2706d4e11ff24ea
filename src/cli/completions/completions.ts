/**
 * `prefork-pool completions`: scripts by which shells complete the command
 * line.
 *
 * @module
 */

import { EXIT_CODES_HELP, HELP_OPTION, optionsHelp } from "../cli_option.ts";
import { CliError, type Subcommand } from "../subcommand.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { type Grammar, grammarOf } from "./grammar.ts";
import { zshScript } from "./zsh.ts";

const SCRIPTS: Readonly<Record<string, (grammar: Grammar) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

const SHELLS = Object.keys(SCRIPTS);

const HELP = `\
Usage: prefork-pool completions ${SHELLS.join("|")}

Prints what makes a shell complete subcommands, options and their values. For
good, in the file that the shell reads at its start, or as a file of its own:

  bash   eval "$(prefork-pool completions bash)"      in ~/.bashrc
  zsh    eval "$(prefork-pool completions zsh)"       in ~/.zshrc, after compinit
  fish   prefork-pool completions fish > ~/.config/fish/completions/prefork-pool.fish

${optionsHelp([HELP_OPTION])}
${EXIT_CODES_HELP}`;

/** `prefork-pool completions`. */
export const completions: Subcommand = {
  help: HELP,
  options: [HELP_OPTION],
  words: SHELLS,
  run: async ({ args, print, subcommands }) => {
    const [shell = "", ...others] = args;
    if (!Object.hasOwn(SCRIPTS, shell) || others.length > 0) {
      throw new CliError(
        `Cannot complete: name one shell, ${SHELLS.join(", ")}`,
        { usage: true },
      );
    }
    print(SCRIPTS[shell]!(await grammarOf(subcommands)).trimEnd());
    return 0;
  },
};
