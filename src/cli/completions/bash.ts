/**
 * Completion for bash, from version 3.2 on, which macOS has. Pure.
 *
 * @module
 */

import { type CommandGrammar, type Grammar, PROGRAM } from "./grammar.ts";

/** Returns the script. */
export function bashScript(grammar: Grammar): string {
  const commands: readonly (readonly [string, CommandGrammar])[] = [
    ["", grammar],
    ...Object.entries(grammar.subcommands),
  ];
  const names = Object.keys(grammar.subcommands).join("|");
  const valued = new Set(
    commands.flatMap(([, { options }]) =>
      options.filter(({ value }) => value.type !== "none")
        .flatMap(({ flags }) => flags)
    ),
  );
  return `\
# bash completion for ${PROGRAM}, by: ${PROGRAM} completions bash
_prefork_pool() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local subcommand='' words='' i IFS=$' \\t\\n'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      --) compopt -o default 2>/dev/null; return ;;
      ${[...valued].join("|")})
        [[ \${COMP_WORDS[i+1]} == = ]] && ((i++))
        ((i++)) ;;
      ${names}) subcommand=\${COMP_WORDS[i]}; break ;;
    esac
  done
  # "--policy=le" comes as three words.
  if [[ $word == = ]]; then
    word=''
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  case $subcommand:$previous in
${commands.flatMap(valueCases).join("\n")}
  esac
  case $subcommand in
${commands.map(wordCase).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _prefork_pool ${PROGRAM}
`;
}

/** What follows an option that has a value. */
function valueCases(
  [name, { options }]: readonly [string, CommandGrammar],
): string[] {
  return options.flatMap(({ flags, value }) => {
    const pattern = flags.map((flag) => `${name}:${flag}`).join("|");
    switch (value.type) {
      case "none":
        return [];
      case "any":
        return [`    ${pattern}) return ;;`];
      case "file":
        return [
          `    ${pattern}) compopt -o filenames 2>/dev/null; IFS=$'\\n'; ` +
          'COMPREPLY=($(compgen -f -- "$word")); return ;;',
        ];
      case "words":
        return [
          `    ${pattern}) COMPREPLY=($(compgen -W '${
            value.words.join(" ")
          }' -- "$word")); return ;;`,
        ];
    }
  });
}

/** What may stand where nothing else is expected. */
function wordCase(
  [name, { options, words }]: readonly [string, CommandGrammar],
): string {
  const all = [
    ...words.map(({ word }) => word),
    ...options.flatMap(({ flags }) => flags.filter((f) => f.startsWith("--"))),
  ];
  return `    ${name === "" ? "''" : name}) words='${all.join(" ")}' ;;`;
}
