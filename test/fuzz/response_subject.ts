/**
 * What must hold of every stream that a worker may answer with.
 *
 * @module
 */

import { arrivalOf } from "./arrival.ts";
import type { Examination, Subject } from "./fuzz.ts";
import { judgeForwarded, judgeLaxness, judgePieces } from "./judge.ts";
import { isReadableByNode, RESPONSE_DIFFERENCES } from "./known_differences.ts";
import { type OurView, readResponse } from "./our_view.ts";
import { RESPONSE_SEEDS } from "./seeds.ts";

/** Fields that we write ourselves, or write anew. */
const ADDED: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
  "trailer",
  "upgrade",
  "x-request-id",
  "date",
]);

/** Streams of a hostile worker, as the answer to GET. */
export const RESPONSES: Subject = {
  name: "responses",
  corpus: "responses",
  seeds: RESPONSE_SEEDS,
  examine: (input) => examineResponse(input, "GET"),
};

/** The same, as the answer to HEAD. */
export const RESPONSES_TO_HEAD: Subject = {
  ...RESPONSES,
  name: "responses to HEAD",
  examine: (input) => examineResponse(input, "HEAD"),
};

function examineResponse(input: string, method: string): Examination {
  const { cuts } = arrivalOf(input);
  const ours = readResponse(input, method);
  const inPieces = readResponse(input, method, { cuts });
  const again = readResponse(ours.forwarded, method);
  return {
    questions: [
      { kind: "responses", method, bytes: input },
      { kind: "responses", method, bytes: ours.forwarded },
    ],
    judge: ([theirs, onward]) =>
      judgePieces(ours, inPieces, cuts) ??
        judgeLaxness(ours, theirs!, {
          input,
          known: RESPONSE_DIFFERENCES,
        }) ??
        judgeForwarded(ours, again, { who: "we", added: ADDED }) ??
        (isReadableByNode(headsOf(ours))
          ? judgeForwarded(ours, onward!, { who: "Node", added: ADDED })
          : null),
  };
}

/** What we pass on, but for the body of the last message. */
function headsOf({ forwarded }: OurView): string {
  return forwarded.slice(0, forwarded.lastIndexOf("\r\n\r\n"));
}
