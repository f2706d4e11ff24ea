/**
 * What must hold of every stream that a client may send.
 *
 * @module
 */

import { arrivalOf } from "./arrival.ts";
import type { Examination, Subject } from "./fuzz.ts";
import { judgeForwarded, judgeLaxness, judgePieces } from "./judge.ts";
import { isKnownMethod, REQUEST_DIFFERENCES } from "./known_differences.ts";
import { type OurView, readRequests } from "./our_view.ts";
import { REQUEST_SEEDS } from "./seeds.ts";
import type { View } from "./view.ts";

/** Fields that we write ourselves, or write anew. */
const ADDED: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "te",
  "trailer",
  "upgrade",
  "x-request-id",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "forwarded",
  "x-real-ip",
]);

/** Streams of a hostile client. */
export const REQUESTS: Subject = {
  name: "requests",
  corpus: "requests",
  seeds: REQUEST_SEEDS,
  examine: examineRequests,
};

function examineRequests(input: string): Examination {
  const { trusted, cuts } = arrivalOf(input);
  const ours = readRequests(input, { trusted });
  const inPieces = readRequests(input, { trusted, cuts });
  const again = readRequests(ours.forwarded);
  return {
    questions: [
      { kind: "requests", bytes: input },
      { kind: "requests", bytes: ours.forwarded },
    ],
    judge: ([theirs, onward]) =>
      judgePieces(ours, inPieces, cuts) ??
        judgeLaxness(ours, inOriginForm(theirs!), {
          input,
          known: REQUEST_DIFFERENCES,
        }) ??
        judgeForwarded(ours, again, { who: "we", added: ADDED }) ??
        judgeForwarded(readableByNode(ours), onward!, {
          who: "Node",
          added: ADDED,
        }),
  };
}

/** Node leaves targets as they are; we forward absolute-form as origin-form (RFC 9112 §3.2.2). */
function inOriginForm(view: View): View {
  const messages = view.messages.map((message) => {
    const [method = "", target = ""] = message.start.split(" ");
    const path = target.replace(/^(?:http|ws)s?:\/\/[^/?]*/i, "");
    return { ...message, start: `${method} ${withPath(method, path)}` };
  });
  return { ...view, messages };
}

/** The empty path of absolute-form has a name in origin-form (RFC 9112 §3.2.1, §3.2.4). */
function withPath(method: string, path: string): string {
  if (path === "") return method === "OPTIONS" ? "*" : "/";
  return path.startsWith("?") ? `/${path}` : path;
}

/** Our view up to the first method that Node does not know, where it stops. */
function readableByNode(ours: OurView): OurView {
  const unknown = ours.messages.findIndex((message) => !isKnownMethod(message));
  return unknown < 0
    ? ours
    : { ...ours, messages: ours.messages.slice(0, unknown) };
}
