/**
 * Lines for systemd's journal: each begins with its priority, `<4>`, which the
 * journal takes off and keeps, so that `journalctl -p warning` finds it
 * (sd-daemon(3)).
 *
 * @module
 */

import process from "node:process";
import type { TextFormatter } from "npm:@logtape/logtape@^2.4.2";
import type { MessageLevel } from "./event_message.ts";
import type { OutputFormat } from "./output_format.ts";

/** Priorities of syslog(3). */
const PRIORITIES: Readonly<Record<MessageLevel, number>> = {
  debug: 7,
  info: 6,
  warning: 4,
  error: 3,
};

/** What a worker writes that knows of priorities, too. */
const OWN_PRIORITY = /^<[0-7]>/;

/** File descriptor of stderr. */
const STDERR = 2;

/**
 * Whether the log goes to the journal, and nowhere else: systemd names the
 * file that it has given us as stderr (JOURNAL_STREAM, systemd.exec(5)), and
 * somebody may have put another in its place.
 *
 * @param journalStream Value of JOURNAL_STREAM: device and inode.
 */
export function isJournal(journalStream: string | undefined): boolean {
  if (!journalStream) return false;
  // A megabyte, for whom systemd starts alone.
  const { dev, ino } = process.getBuiltinModule("node:fs").fstatSync(STDERR);
  return journalStream === `${dev}:${ino}`;
}

/** Puts the priority in front of every line of `text`. */
export function withPriority(level: MessageLevel, text: string): string {
  return text.replace(/^(?!$)/gm, `<${PRIORITIES[level]}>`);
}

/** Records as `format` writes them, with their priorities. */
export function prioritized(format: TextFormatter): TextFormatter {
  return (record) => withPriority(record.level as MessageLevel, format(record));
}

/** Lines that inform as `line` makes them, with their priority. */
export function informing<E>(
  line: (event: E) => string,
): (event: E) => string {
  return (event) => `<${PRIORITIES.info}>${line(event)}`;
}

/** Lines of workers as `format` writes them, with their own priorities where they have them; else they inform. */
export function prioritizedOutput(format: OutputFormat): OutputFormat {
  return (event) => {
    const own = OWN_PRIORITY.exec(event.line)?.[0];
    return own === undefined
      ? `<${PRIORITIES.info}>${format(event)}`
      : own + format({ ...event, line: event.line.slice(own.length) });
  };
}
