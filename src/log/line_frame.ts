/**
 * What stands around the text of a line, as LogTape makes it: asked once a
 * millisecond, which costs many lines a fraction of a log record each.
 *
 * @module
 */

import type { LogRecord, TextFormatter } from "npm:@logtape/logtape@^2.4.2";

/** Puts `text` into a line of the time `timestamp`, of level info. */
export type LineFrame = (timestamp: number, text: string) => string;

/** What a terminal might take for a command; tabs do no harm. */
// deno-lint-ignore no-control-regex -- they are what is looked for.
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;
const EVERY_CONTROL = new RegExp(CONTROL, "g");

/** What stands for each of them, made once: a worker may write nothing else. */
const VISIBLE: readonly string[] = Array.from(
  { length: 0xa0 },
  (_, code) =>
    code === 0x0d ? "\\r" : `\\x${code.toString(16).padStart(2, "0")}`,
);

/** Stands for the text while the frame around it is made. */
const PLACE = "@text@";

/** Lines that look like those that `format` makes. */
export function framed(format: TextFormatter): LineFrame {
  const frameAt = cachedByTime((timestamp) => {
    const frame = format(frameRecord(timestamp));
    const at = frame.indexOf(PLACE);
    return [frame.slice(0, at), frame.slice(at + PLACE.length)] as const;
  });
  return (timestamp, text) => {
    const [before, after] = frameAt(timestamp);
    return before + visible(text) + after;
  };
}

/** Calls `make` once for each time in a row: many lines come in the same millisecond. */
export function cachedByTime<T>(
  make: (timestamp: number) => T,
): (now: number) => T {
  let at = -1;
  let value: T;
  return (now) => {
    if (now !== at) {
      value = make(now);
      at = now;
    }
    return value;
  };
}

/** Makes visible what a terminal might take for a command. */
function visible(text: string): string {
  return CONTROL.test(text)
    ? text.replace(
      EVERY_CONTROL,
      (character) => VISIBLE[character.charCodeAt(0)]!,
    )
    : text;
}

function frameRecord(timestamp: number): LogRecord {
  return {
    category: [],
    level: "info",
    timestamp,
    message: [PLACE],
    rawMessage: PLACE,
    properties: { details: [] },
  };
}
