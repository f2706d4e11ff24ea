/**
 * The kinds of values settings have: how text becomes such a value, and which
 * values are allowed.
 *
 * Knows no setting.
 *
 * @module
 */

import { parseCidr } from "../net/cidr.ts";
import { parseIpAddress } from "../net/ip_address.ts";
import { socketPathProblem } from "../net/socket_path.ts";
import { STOP_SIGNALS, type StopSignal } from "../pool/worker_command.ts";
import type { RateRule } from "../net/rate_limit.ts";
import { splitShellWords } from "./shell_words.ts";

/** A kind of value. */
export interface Kind<T> {
  /** What stands for the value in the help: `"PORT"`. */
  readonly placeholder: string;
  /** What is allowed, as a sentence part: `"a whole number from 0 to 65535"`. */
  readonly allowed: string;
  /** The same of a value that a program gives, where that is written otherwise. */
  readonly allowedValue?: string;
  /** All there are, where they are few. */
  readonly words?: readonly string[];
  /** What a flag of this kind means that stands alone; without, it needs a value. */
  readonly bare?: string;
  /** Turns text into what {@linkcode check} takes, good or not. */
  read(text: string): unknown;
  /** Returns `value` if it is allowed, else `undefined`. */
  check(value: unknown): T | undefined;
  /** What is wrong with a value that is not allowed, as a sentence part, where more can be said than what is. */
  problem?(value: unknown): string | null;
}

/**
 * What to say of a `value` that `kind` does not allow, as a sentence part.
 *
 * @param allowed What is, as whoever gave it writes it. @default {as text}
 */
export function remedyFor<T>(
  kind: Kind<T>,
  value: unknown,
  allowed: string = kind.allowed,
): string {
  return kind.problem?.(value) ?? `must be ${allowed}`;
}

/** The least and the greatest value, both allowed. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Whole numbers in `range`. */
export function integer(range: Range, placeholder = "N"): Kind<number> {
  return {
    placeholder,
    allowed: `a whole number from ${range.min} to ${range.max}`,
    read: (text) => /^[0-9]+$/.test(text) ? Number(text) : undefined,
    check: (value) =>
      Number.isInteger(value) ? within(range, value) : undefined,
  };
}

/** Whole numbers in `range`, or the word `auto`. */
export function integerOrAuto(range: Range): Kind<number | "auto"> {
  const number = integer(range);
  return {
    placeholder: "N|auto",
    allowed: `${number.allowed}, or auto`,
    read: (text) => text === "auto" ? text : number.read(text),
    check: (value) => value === "auto" ? value : number.check(value),
  };
}

/** Numbers in `range`, with a decimal point or without. */
export function decimal(range: Range): Kind<number> {
  return {
    placeholder: "N",
    allowed: `a number from ${range.min} to ${range.max}`,
    read: (text) => /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : undefined,
    check: (value) => within(range, value),
  };
}

/** One word of a list. */
export function choice<const T extends string>(
  words: readonly T[],
): Kind<T> {
  return {
    placeholder: "NAME",
    allowed: `one of ${words.join(", ")}`,
    words,
    read: (text) => text,
    check: (value) => words.find((word) => word === value),
  };
}

/** On or off. As a flag it may stand alone. */
export const toggle: Kind<boolean> = {
  placeholder: "",
  bare: "on",
  allowed: "on or off",
  allowedValue: "true or false",
  read: (text) => {
    if (["on", "true", "yes", "1"].includes(text)) return true;
    if (["off", "false", "no", "0"].includes(text)) return false;
    return undefined;
  },
  check: (value) => typeof value === "boolean" ? value : undefined,
};

/** On, off, or a word that says how. As a flag it may stand alone. */
export function toggleOr<const T extends string>(
  words: readonly T[],
): Kind<"on" | "off" | T> {
  const all = choice(["off", "on", ...words]);
  return {
    ...all,
    placeholder: "[=NAME]",
    bare: "on",
    read: (text) => {
      const on = toggle.read(text);
      return typeof on === "boolean" ? on ? "on" : "off" : text;
    },
  };
}

/** A signal that asks a program to end. In text, also as `kill` takes it: `QUIT`, `quit`. */
export const stopSignal: Kind<StopSignal> = {
  ...choice(Object.keys(STOP_SIGNALS) as StopSignal[]),
  placeholder: "SIGNAL",
  read: (text) => {
    const name = text.toUpperCase();
    return name.startsWith("SIG") ? name : `SIG${name}`;
  },
};

/** Any text but none. */
export const filePath: Kind<string> = text({
  placeholder: "PATH",
  allowed: "a path",
  pattern: /^[^\0]+$/,
});

/** What ties clients to workers. */
export const affinity: Kind<string> = text({
  placeholder: "RULE",
  allowed: "cookie, or header:NAME with the name of a field",
  pattern: /^(?:cookie|header:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})$/,
});

/** A path as it stands in a request line: visible ASCII without `#`. */
export const requestPath: Kind<string> = text({
  placeholder: "PATH",
  allowed: 'a path that starts with "/", of visible ASCII characters without #',
  pattern: /^\/[!-"$-~]*$/,
});

/** What may stand in a Host field (RFC 9110 §7.2). */
export const hostField: Kind<string> = text({
  placeholder: "HOST",
  allowed: "a host name or address, with :PORT where it is not 80",
  pattern: /^(?:[\w.~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/,
});

/** What may stand after `Authorization: Bearer`. */
export const token: Kind<string> = text({
  placeholder: "TOKEN",
  allowed: "visible ASCII characters without spaces",
  pattern: /^[!-~]+$/,
});

/** What a pool is called: a word that needs no quotes in any shell. */
export const poolName: Kind<string> = text({
  placeholder: "NAME",
  allowed: "up to 64 letters, digits, dots, hyphens and underscores, " +
    "a letter or digit first",
  pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
});

/** An IP address or a name that can be looked up. */
export const host: Kind<string> = {
  placeholder: "HOST",
  allowed: "an IP address (IPv6 without brackets) or a host name",
  read: (text) => text,
  check: (value) =>
    typeof value === "string" &&
      (parseIpAddress(value) !== null || isHostName(value))
      ? value
      : undefined,
};

/** Where a listener is: a host, or the path of a unix socket. */
export const hostOrSocket: Kind<string> = {
  placeholder: "HOST",
  allowed: `${host.allowed}, or unix:/path`,
  read: (text) => text,
  check: (value) => {
    const path = socketPathIn(value);
    if (path === null) return host.check(value);
    return socketPathProblem(path) === null ? `unix:${path}` : undefined;
  },
  problem: (value) => {
    const path = socketPathIn(value);
    return path === null ? null : socketPathProblem(path);
  },
};

/** Networks in CIDR notation. In text, commas or spaces stand between them. */
export const cidrList: Kind<readonly string[]> = {
  placeholder: "CIDRS",
  allowed: "networks such as 10.0.0.0/8,fd00::/8",
  allowedValue: 'an array of networks, such as ["10.0.0.0/8", "fd00::/8"]',
  read: (text) => text.split(/[\s,]+/).filter((part) => part !== ""),
  check: (value) =>
    isStringArray(value) && value.every((part) => parseCidr(part) !== null)
      ? [...value]
      : undefined,
};

/** Requests in a second or a minute, and how many of them may come at once. */
export const requestRate: Kind<RateRule> = {
  placeholder: "N/s[:BURST]",
  allowed: "requests per second or minute, and at once, such as 10/s:20 or " +
    "100/m",
  allowedValue: "requests per second, and at once, such as " +
    "{ perSecond: 10, burst: 20 }",
  read: (text) => {
    const [, count, unit, burst = count] =
      /^([1-9][0-9]{0,5})\/([sm])(?::([1-9][0-9]{0,5}))?$/.exec(text) ?? [];
    if (count === undefined) return undefined;
    const perSecond = Number(count) / (unit === "s" ? 1 : 60);
    return { perSecond, burst: Number(burst) };
  },
  check: (value) => {
    const { perSecond, burst } = value as Partial<RateRule> ?? {};
    return isPositive(perSecond) && isPositive(burst) && burst >= 1
      ? { perSecond, burst }
      : undefined;
  },
};

/** What is watched where no path is given: the directory that workers run in. */
const DEFAULT_WATCH: readonly string[] = ["."];

/** Files and directories, or `on` for {@linkcode DEFAULT_WATCH}. In text, commas stand between them. */
export const watchedPaths: Kind<readonly string[]> = {
  placeholder: "[=PATHS]",
  allowed:
    "on, off, or paths with commas between them, such as src,config.json",
  bare: "on",
  read: (text) => {
    const on = toggle.read(text);
    if (typeof on === "boolean") return on ? DEFAULT_WATCH : [];
    return text.split(",").map((path) => path.trim());
  },
  check: (value) =>
    isStringArray(value) && value.every((path) => /^[^\0]+$/.test(path))
      ? [...value]
      : undefined,
};

/** A program and its arguments. In text, split as a shell splits words. */
export const command: Kind<readonly string[]> = {
  placeholder: "TEXT",
  allowed: "a program and its arguments, every quote closed",
  allowedValue: "an array of strings without NUL: a program and its arguments",
  read: (text) => splitShellWords(text),
  check: (value) =>
    isStringArray(value) && value.length > 0 && value[0] !== "" &&
      !value.some((word) => word.includes("\0"))
      ? [...value]
      : undefined,
};

/** Variables, as a process can be given them. No setting: programs alone have it. */
export const environment: Kind<Readonly<Record<string, string>>> = {
  placeholder: "VARIABLES",
  allowed: "an object of strings without NUL, whose names have no =",
  read: () => undefined,
  check: (value) => {
    if (typeof value !== "object" || Array.isArray(value)) return undefined;
    const entries = Object.entries(value ?? {});
    return entries.every(([name, text]) =>
        /^[^=\0]+$/.test(name) && typeof text === "string" &&
        !text.includes("\0")
      )
      ? { ...value }
      : undefined;
  },
};

interface TextOptions {
  readonly placeholder: string;
  readonly allowed: string;
  readonly pattern: RegExp;
}

function text({ placeholder, allowed, pattern }: TextOptions): Kind<string> {
  return {
    placeholder,
    allowed,
    read: (given) => given,
    check: (value) =>
      typeof value === "string" && pattern.test(value) ? value : undefined,
  };
}

function within({ min, max }: Range, value: unknown): number | undefined {
  return typeof value === "number" && value >= min && value <= max
    ? value
    : undefined;
}

/** The path in `unix:/path`. */
function socketPathIn(value: unknown): string | null {
  if (typeof value !== "string") return null;
  return /^unix:([^\0]+)$/.exec(value)?.[1] ?? null;
}

function isHostName(text: string): boolean {
  // Digits and dots alone are an address that has been turned down.
  return text.length <= 253 && !/^[0-9.]+$/.test(text) &&
    text.split(".").every((label) =>
      /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label)
    );
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value < Infinity;
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) &&
    value.every((item) => typeof item === "string");
}
