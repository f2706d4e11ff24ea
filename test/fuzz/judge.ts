/**
 * What must hold between the views of one stream.
 *
 * @module
 */

import type { KnownDifference } from "./known_differences.ts";
import type { OurView } from "./our_view.ts";
import { sameMessage, type SeenMessage, type View } from "./view.ts";

/** Whether a stream is read alike in one piece and in several. */
export function judgePieces(
  whole: OurView,
  inPieces: OurView,
  cuts: readonly number[],
): string | null {
  const same = whole.inBody === inPieces.inBody &&
    whole.reason === inPieces.reason && sameMessages(whole, inPieces);
  return same
    ? null
    : `Pieces: cut at ${cuts}, ${describe(whole)} becomes ${
      describe(inPieces)
    }`;
}

/**
 * Whether we accept nothing that Node refuses, and read as the same what both
 * accept. Node may accept more than we do.
 */
export function judgeLaxness(
  ours: OurView,
  theirs: View,
  options: {
    readonly input: string;
    readonly known: readonly KnownDifference[];
  },
): string | null {
  const { input, known } = options;
  const index = firstDifference(ours, theirs);
  const mine = ours.messages[index];
  const other = theirs.messages[index];
  const disputed = mine ?? other;
  if (disputed === undefined) return null;
  // Where we have refused, or have read all there is, Node may go on.
  if (mine === undefined && !ours.inBody) return null;
  const isKnown = known.some(({ reasons, applies }) =>
    (theirs.reason === null || reasons.includes(theirs.reason)) &&
    applies(disputed, input)
  );
  if (isKnown) return null;
  const kind = !mine ? "Longer" : other ? "Different" : "Laxer";
  return `${kind} (${theirs.reason}): Node reads ${describe(theirs)}, we ${
    describe(ours)
  }`;
}

/** Index of the first of our messages that Node does not see like this, or of the one behind all. */
function firstDifference(ours: View, theirs: View): number {
  const index = ours.messages.findIndex((message, i) => {
    const other = theirs.messages[i];
    return other === undefined || !sameMessage(message, other);
  });
  return index < 0 ? ours.messages.length : index;
}

/** Whether somebody who gets what we pass on sees exactly the messages that we saw. */
export function judgeForwarded(
  ours: OurView,
  seen: View,
  options: {
    /** Who it is. */
    readonly who: string;
    /** Names of fields that may be there without having been in the message, in lower case. */
    readonly added: ReadonlySet<string>;
  },
): string | null {
  const { who, added } = options;
  const same = seen.messages.length === ours.messages.length &&
    ours.messages.every((message, index) =>
      isForwardedAs(message, seen.messages[index]!, added)
    );
  return same
    ? null
    : `Smuggled: we read ${describe(ours)} and pass on ${
      JSON.stringify(ours.forwarded)
    }, in which ${who} read ${describe(seen)}`;
}

function isForwardedAs(
  message: SeenMessage,
  forwarded: SeenMessage,
  added: ReadonlySet<string>,
): boolean {
  return forwarded.start === message.start && forwarded.body === message.body &&
    forwarded.fields.every(([name, value]) =>
      added.has(name.toLowerCase()) ||
      message.fields.some((field) => field[0] === name && field[1] === value)
    );
}

function sameMessages(a: View, b: View): boolean {
  return a.messages.length === b.messages.length &&
    a.messages.every((message, i) => sameMessage(message, b.messages[i]!));
}

function describe(view: View): string {
  const { messages, reason } = view;
  return JSON.stringify({ messages, reason });
}
