/**
 * The pool's log with LOG_FORMAT=json, read back into the events it stands
 * for.
 *
 * @module
 */

import type { PoolEvent } from "../../src/events/mod.ts";

/**
 * The event a line of the log stands for, or `null` for any other line.
 *
 * A line carries the type of its event as `event` and the event's own fields
 * beside it. What else a line has (`timestamp`, `level`, `message`) stays.
 */
export function parseEvent(line: string): PoolEvent | null {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    // A runtime's own message, for example a panic: kept in the log as it is.
    return null;
  }
  if (typeof record !== "object" || record === null || !("event" in record)) {
    return null;
  }
  const { event, ...fields } = record;
  return { ...fields, type: event } as PoolEvent;
}

/** Calls `take` with each line of a stream until it ends or `abort` is called. */
export async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (line: string) => void,
  abort: AbortController,
): Promise<void> {
  let rest = "";
  const lines = new WritableStream<string>({
    write(text): void {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) take(line);
    },
    close(): void {
      if (rest !== "") take(rest);
    },
  });
  await stream.pipeThrough(new TextDecoderStream())
    .pipeTo(lines, { signal: abort.signal });
}
