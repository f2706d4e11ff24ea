/**
 * What clients ask in the model, and what workers respond: drawn at random,
 * and such that each octet says whose it is and where it belongs.
 *
 * @module
 */

import type { Random } from "../../../fuzz/random.ts";
import { chunked, head } from "../../../support/message_text.ts";

/** Lengths of bodies: nothing, what fits beside a head, what does not, what fills buffers. */
const BODY_BYTES = [0, 0, 1, 20, 300, 2500, 6000];

/** The same, rarely. */
const LONG_BODY_BYTES = [40_000, 300_000];

/** One in so many bodies is long. */
const LONG_RATIO = 40;

/** Where each is ended by a bare LF, the head grows by more than stands free before it. */
const MANY_FIELDS = 85;

const METHODS = ["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE"];

/** Whether a thing with this chance happens. */
export function oneIn(random: Random, times: number): boolean {
  return random.below(times) === 0;
}

/** A length for a body. */
export function bodyBytes(random: Random): number {
  return random.pick(oneIn(random, LONG_RATIO) ? LONG_BODY_BYTES : BODY_BYTES);
}

/** The content that belongs to `name`, in which no two places look alike. */
export function contentOf(name: string, length: number): string {
  let text = "";
  for (let index = 0; text.length < length; index++) {
    text += `${name}:${index.toString(36)};`;
  }
  return text.slice(0, length);
}

/** The content in chunks of some size, now and then with trailers. */
function inChunksOf(content: string, random: Random): string {
  const text = chunked(content, 1 + random.below(900));
  return oneIn(random, 4)
    ? `${text.slice(0, -2)}X-Trailer: ${"t".repeat(random.below(600))}\r\n\r\n`
    : text;
}

/** A request of the model. */
export interface ModelRequest {
  readonly id: number;
  readonly method: string;
  readonly http10: boolean;
  readonly content: string;
  /** Whether its last octet ends the client's use of the connection. */
  readonly closes: boolean;
  readonly expectsContinue: boolean;
  readonly upgrade: boolean;
  /** Whether it is for a page of our own. */
  readonly admin: boolean;
  readonly headText: string;
  readonly bodyText: string;
  /** Whether it is only sent when the response to the one before has come. */
  readonly waits: boolean;
}

/** Draws a request. */
export function drawRequest(id: number, random: Random): ModelRequest {
  const method = random.pick(METHODS);
  const hasBody = method === "POST" || method === "PUT";
  const http10 = oneIn(random, 8);
  const admin = oneIn(random, 12);
  const upgrade = method === "GET" && !http10 && !admin && oneIn(random, 8);
  const length = hasBody ? admin ? random.below(100) : bodyBytes(random) : 0;
  const content = contentOf(`q${id}`, length);
  const inChunks = hasBody && !http10 && oneIn(random, 3);
  const expectsContinue = hasBody && !http10 && oneIn(random, 6);
  const closes = oneIn(random, 6);
  const fields = [
    "Host: a",
    ...hasBody
      ? [inChunks ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`]
      : [],
    ...expectsContinue ? ["Expect: 100-continue"] : [],
    ...upgrade
      ? ["Connection: Upgrade", "Upgrade: echo"]
      : closes
      ? ["Connection: close"]
      : http10
      ? ["Connection: keep-alive"]
      : [],
    ...oneIn(random, 3) ? ["TE: trailers"] : [],
    ...oneIn(random, 10) ? [`X-Long: ${"l".repeat(random.below(9000))}`] : [],
  ];
  const target = admin ? `/_page/${id}` : `/${id}`;
  const startLine = `${method} ${target} HTTP/1.${http10 ? 0 : 1}`;
  return {
    id,
    method,
    http10,
    content,
    closes: closes && !upgrade,
    expectsContinue,
    upgrade,
    admin,
    headText: head(startLine, ...fields),
    bodyText: inChunks ? inChunksOf(content, random) : content,
    waits: expectsContinue || upgrade || oneIn(random, 2),
  };
}

/** How a worker responds to one request. */
export interface ModelResponse {
  /** What its content belongs to. */
  readonly name: string;
  /** What it sends as soon as it has the request's head. */
  readonly early: string;
  /** Octets of the request's content that it reads first; `Infinity` for all. */
  readonly afterBytes: number;
  readonly content: string;
  /** All that it sends, interim responses too. */
  readonly text: string;
  /** Octets of that which it does send. */
  readonly sentBytes: number;
  /** What it does then. */
  readonly then: "keep" | "close" | "reset" | "stall";
  /** Whether the end of the connection is the end of the body. */
  readonly untilClose: boolean;
  readonly switches: boolean;
  /** Whether the connection may carry another exchange. */
  readonly reusable: boolean;
}

/** Draws the response to `request`, which is sent for the `attempt`th time; nothing goes wrong where it is `calm`. */
export function drawResponse(
  request: ModelRequest,
  attempt: number,
  { random, calm }: { readonly random: Random; readonly calm: boolean },
): ModelResponse {
  const switches = request.upgrade && oneIn(random, 2);
  const bodiless = request.method === "HEAD";
  const status = switches ? "101 Switching Protocols" : random.pick([
    "200 OK",
    "200 OK",
    "404 Not Found",
    "500 Failed",
    "204 No",
  ]);
  const hasBody = !bodiless && !switches && !status.startsWith("204");
  const framing = hasBody
    ? random.pick(["length", "length", "chunked", "until-close"] as const)
    : "none";
  const name = `a${request.id}/${attempt}`;
  const content = hasBody ? contentOf(name, bodyBytes(random)) : "";
  const closes = !switches && (framing === "until-close" || oneIn(random, 8));
  const fault = calm
    ? null
    : oneIn(random, 5)
    ? random.pick(["close", "reset", "stall"] as const)
    : null;
  // That it is cut, nobody can see.
  const unseen = framing === "until-close" && fault === "close";
  const fields = [
    `X-Id: ${name}`,
    `X-Length: ${unseen ? "*" : content.length}`,
    ...framing === "length" ? [`Content-Length: ${content.length}`] : [],
    ...framing === "chunked" ? ["Transfer-Encoding: chunked"] : [],
    ...switches
      ? ["Connection: Upgrade", "Upgrade: echo"]
      : closes
      ? ["Connection: close"]
      : [],
    ...oneIn(random, 3) ? ["Keep-Alive: timeout=60"] : [],
    ...oneIn(random, 8) ? Array(MANY_FIELDS).fill("X-Field: 1") : [],
  ];
  const early = request.expectsContinue && oneIn(random, 2)
    ? head("HTTP/1.1 100 Continue")
    : "";
  const interim = oneIn(random, 5) ? head("HTTP/1.1 103 Early Hints") : "";
  const body = framing === "chunked" ? inChunksOf(content, random) : content;
  const lines = head(`HTTP/1.1 ${status}`, ...fields);
  const final = oneIn(random, 6) ? lines.replaceAll("\r\n", "\n") : lines;
  const text = interim + final + body;
  const asks = !request.expectsContinue || early !== "";
  return {
    name,
    early,
    afterBytes: !asks
      ? 0
      : switches || oneIn(random, 2)
      ? Infinity
      : random.below(request.content.length + 1),
    content,
    text: fault === null && !calm && oneIn(random, 40) ? "nonsense\n\n" : text,
    sentBytes: fault === null ? Infinity : random.below(text.length),
    then: fault ?? (closes ? "close" : "keep"),
    untilClose: framing === "until-close",
    switches,
    reusable: fault === null && !closes && !switches,
  };
}
