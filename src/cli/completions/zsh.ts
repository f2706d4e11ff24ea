/**
 * Completion for zsh, by its function `_arguments`. Pure.
 *
 * @module
 */

import {
  type CommandGrammar,
  type Completable,
  type Grammar,
  PROGRAM,
} from "./grammar.ts";

/** Returns the script. */
export function zshScript(grammar: Grammar): string {
  const subcommands = Object.entries(grammar.subcommands);
  return `\
#compdef ${PROGRAM}
# zsh completion for ${PROGRAM}, by: ${PROGRAM} completions zsh
_prefork-pool() {
  local state line ret=1
  typeset -A opt_args
  _arguments -C -S : \\
${specsOf(grammar)}
    '1: :->subcommand' '*:: :->rest' && ret=0
  case $state in
    subcommand)
      local -a subcommands=(
${
    grammar.words.map(({ word, help }) =>
      `        ${quoted(`${word}:${help.replaceAll(":", "\\:")}`)}`
    ).join("\n")
  }
      )
      _describe -t subcommands subcommand subcommands && ret=0 ;;
    rest)
      case $line[1] in
${subcommands.map(subcommandCase).join("\n")}
        *) _normal && ret=0 ;;
      esac ;;
  esac
  return ret
}
if [[ $funcstack[1] == _prefork-pool ]]; then
  _prefork-pool "$@"
else
  compdef _prefork-pool ${PROGRAM}
fi
`;
}

function subcommandCase(
  [name, command]: readonly [string, CommandGrammar],
): string {
  const { words } = command;
  const first = words.length === 0
    ? ""
    : ` \\\n    '1: :(${words.map(({ word }) => word).join(" ")})'`;
  return `        ${name}) _arguments : \\\n${
    specsOf(command).trimEnd().replace(/ \\$/, "")
  }${first} && ret=0 ;;`;
}

/** The specifications of its options, each on a line that goes on. */
function specsOf({ options }: CommandGrammar): string {
  return options.flatMap((option) =>
    option.flags.map((flag) => `    ${quoted(specOf(flag, option))} \\`)
  ).join("\n");
}

function specOf(flag: string, { help, value }: Completable): string {
  const text = help.replace(/[[\]:\\]/g, "\\$&");
  const start = `*${flag}${flag.startsWith("--") ? "=" : "+"}[${text}]`;
  switch (value.type) {
    case "none":
      return `*${flag}[${text}]`;
    case "any":
      return `${start}: :`;
    case "file":
      return `${start}: :_files`;
    case "words":
      return `${start}: :(${value.words.join(" ")})`;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
