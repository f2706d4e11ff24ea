/**
 * What the keys of `top` mean. Pure.
 *
 * @module
 */

/** Something that a key asks for. */
export type TopAction =
  | "leave"
  | "reload"
  | "scale-up"
  | "scale-down"
  | "line-up"
  | "line-down"
  | "page-up"
  | "page-down"
  | "first"
  | "last"
  | "previous-column"
  | "next-column"
  | "reverse";

/** What terminals send for each; Ctrl-C and Ctrl-D come as such while the terminal is raw. */
const KEYS: Readonly<Record<TopAction, readonly string[]>> = {
  leave: ["q", "Q", "\x03", "\x04"],
  reload: ["r"],
  "scale-up": ["+", "="],
  "scale-down": ["-"],
  "line-up": ["k", "\x1b[A", "\x1bOA"],
  "line-down": ["j", "\x1b[B", "\x1bOB"],
  "page-up": ["\x1b[5~", "b"],
  "page-down": ["\x1b[6~", " "],
  first: ["g", "\x1b[H", "\x1bOH", "\x1b[1~"],
  last: ["G", "\x1b[F", "\x1bOF", "\x1b[4~"],
  "previous-column": ["<", "\x1b[D", "\x1bOD"],
  "next-column": [">", "\x1b[C", "\x1bOC"],
  reverse: ["o"],
};

/** The keys in a line at the foot of the screen, the most needed first. */
export const KEYS_HELP =
  "q leave  r reload  +- scale  <> sort  o order  arrows scroll";

const ACTIONS: ReadonlyMap<string, TopAction> = new Map(
  (Object.entries(KEYS) as [TopAction, readonly string[]][])
    .flatMap(([action, keys]) => keys.map((key) => [key, action] as const)),
);

// deno-lint-ignore no-control-regex -- what keys send.
const KEY = /\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|[^]/gu;

/** Returns what the keys that were pressed ask for, in their order. */
export function actionsIn(typed: string): readonly TopAction[] {
  return [...typed.matchAll(KEY)].flatMap(([key]) => ACTIONS.get(key) ?? []);
}
