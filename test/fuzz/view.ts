/**
 * What somebody sees in a stream of bytes: messages and how they end. Strings
 * stand for bytes, one character each.
 *
 * @module
 */

/** A complete message. */
export interface SeenMessage {
  /** Method and target, or the status after those of the interim responses: `"GET /"`, `"103 200"`. */
  readonly start: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The content, without its framing. */
  readonly body: string;
}

/** What is in a stream. */
export interface View {
  /** Complete messages, in order. */
  readonly messages: readonly SeenMessage[];
  /** Why no further message is there, or `null` when there is no reason but the end. */
  readonly reason: string | null;
}

/** Whether two messages are the same to those who read them. */
export function sameMessage(a: SeenMessage, b: SeenMessage): boolean {
  return a.start === b.start && a.body === b.body &&
    JSON.stringify(a.fields) === JSON.stringify(b.fields);
}
