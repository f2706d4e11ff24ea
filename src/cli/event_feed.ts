/**
 * Reads server-sent events (HTML Living Standard, "Server-sent events"), as
 * far as a pool uses them.
 *
 * @module
 */

import type { PoolEvent } from "../events/mod.ts";

/** One message. */
export interface FeedMessage {
  /** Its number; 0 for what is not counted. */
  readonly id: number;
  /** Kind of event; `"dropped"` when the pool has given us up. */
  readonly type: string;
  /** JSON. */
  readonly data: string;
}

/** The event in a message, and when it was. */
export type TimedEvent = PoolEvent & { readonly time: string };

/** Yields each message of a stream, until that ends. */
export async function* readFeed(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<FeedMessage> {
  let rest = "";
  for await (
    const text of stream.pipeThrough(
      new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
    )
  ) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const message = parseBlock(block);
      if (message !== null) yield message;
    }
  }
}

/** A block of fields; `null` for comments, and for what only concerns browsers. */
function parseBlock(block: string): FeedMessage | null {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name, value);
  }
  const data = fields.get("data");
  if (data === undefined) return null;
  const id = Number(fields.get("id") ?? 0);
  return { id, type: fields.get("event") ?? "", data };
}
