/**
 * Completion for fish. Pure.
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
export function fishScript(grammar: Grammar): string {
  const names = Object.keys(grammar.subcommands).join(" ");
  const none =
    `not __fish_seen_subcommand_from ${names}; and not contains -- -- (commandline -opc)`;
  return [
    `# fish completion for ${PROGRAM}, by: ${PROGRAM} completions fish`,
    `complete -c ${PROGRAM} -f`,
    `complete -c ${PROGRAM} -n 'contains -- -- (commandline -opc)' -F`,
    ...linesOf(grammar, none),
    ...Object.entries(grammar.subcommands).flatMap(([name, command]) =>
      linesOf(command, `__fish_seen_subcommand_from ${name}`)
    ),
    "",
  ].join("\n");
}

function linesOf(
  { options, words }: CommandGrammar,
  condition: string,
): readonly string[] {
  const start = `complete -c ${PROGRAM} -n '${condition}'`;
  return [
    ...words.map(({ word, help }) =>
      `${start} -a ${word}` + (help === "" ? "" : ` -d ${quoted(help)}`)
    ),
    ...options.map((option) =>
      `${start} ${flagsOf(option)}${valueOf(option)} -d ${quoted(option.help)}`
    ),
  ];
}

function flagsOf({ flags }: Completable): string {
  return flags.map((flag) =>
    flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
  ).join(" ");
}

function valueOf({ value }: Completable): string {
  switch (value.type) {
    case "none":
      return "";
    case "any":
      return " -x";
    case "file":
      return " -r -F";
    case "words":
      return ` -x -a ${quoted(value.words.join(" "))}`;
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
