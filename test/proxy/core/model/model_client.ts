/**
 * A client of the model: sends its requests bit by bit, and knows what it may
 * get for them.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Random } from "../../../fuzz/random.ts";
import type { Peer } from "../../../support/core/core_stand.ts";
import {
  type ReadMessage,
  readResponseAt,
  statusOf,
} from "../../../support/core/message_reader.ts";
import type { ScriptedLink } from "../../../support/core/scripted_link.ts";
import { toBytes } from "../../../support/raw_socket.ts";
import { contentOf, type ModelRequest, oneIn } from "./traffic.ts";

/** How much is sent at once at most. */
const PIECES = [1, 7, 100, 1000, 70_000];

/** What is sent after a switch of protocols. */
const TUNNELLED_BYTES = 3000;

/** Statuses of our own responses. */
const OWN_STATUSES = [400, 408, 413, 431, 500, 502, 503, 504];

/** What a client has been told of one of its requests. */
interface Received {
  readonly request: ModelRequest;
  readonly read: ReadMessage;
  readonly status: number;
}

/** A client. */
export class ModelClient implements Peer {
  readonly link: ScriptedLink;
  readonly requests: readonly ModelRequest[];
  /** Set by the world: it does nothing any more. */
  frozen = false;
  readonly #random: Random;
  readonly #received: Received[] = [];
  /** Index of the request that is being sent, and octets of it that were. */
  #sending = 0;
  #sentBytes = 0;
  /** First octet of the output that was not read. */
  #at = 0;
  #continued = false;
  #tunnelledBytes = 0;
  readonly #preface: Uint8Array;

  /** Sends `requests` on `link`, after `preface`. */
  constructor(
    link: ScriptedLink,
    parts: {
      readonly requests: readonly ModelRequest[];
      readonly random: Random;
      readonly preface: string;
    },
  ) {
    this.link = link;
    this.requests = parts.requests;
    this.#random = parts.random;
    this.#preface = toBytes(parts.preface);
    if (this.#preface.length > 0) link.deliver(this.#preface);
  }

  /** Final responses that have come whole. */
  get responses(): readonly Received[] {
    return this.#received;
  }

  /** The tunnel that has been opened: what it was opened for. */
  get tunnel(): Received | null {
    const last = this.#received.at(-1);
    return last?.status === 101 ? last : null;
  }

  /** Octets that were sent through the tunnel. */
  get tunnelledBytes(): number {
    return this.#tunnelledBytes;
  }

  react(): boolean {
    const { link } = this;
    if (this.frozen || link.peerEnded) return false;
    this.#read();
    if (link.outputEnd !== "open") {
      link.deliverEnd();
      return true;
    }
    if (this.tunnel !== null) return this.#tunnel();
    const request = this.requests[this.#sending];
    if (request === undefined) return this.#finish();
    const { headText, bodyText } = request;
    const text = headText + bodyText;
    if (this.#sentBytes === 0 && !this.#mayBegin(request)) return false;
    const waits = request.expectsContinue && !this.#continued;
    const upTo = waits ? headText.length : text.length;
    if (this.#sentBytes >= upTo && waits) return false;
    const most = Math.min(this.#random.pick(PIECES), upTo - this.#sentBytes);
    const piece = text.slice(this.#sentBytes, this.#sentBytes + most);
    link.deliver(toBytes(piece));
    this.#sentBytes += most;
    if (this.#sentBytes === text.length) this.#next();
    return true;
  }

  /** Looks at all that has come: whose it is, and whether it is whole. */
  check({ calm }: { readonly calm: boolean }): void {
    this.#read();
    for (const received of this.#received) checkResponse(received);
    const { output, outputEnd } = this.link;
    const last = this.#received.at(-1);
    if (last?.status === 101) return this.#checkTunnelled(last);
    const request = this.requests[this.#received.length];
    const rest = output.slice(this.#at);
    if (rest !== "") {
      assert.ok(request, `octets that nobody asked for: ${rest.slice(0, 200)}`);
      assert.notEqual(outputEnd, "open", "a response that does not end");
      const read = this.#readAt(request);
      if (read !== null) checkContent({ request, read, status: 0 });
    }
    if (last !== undefined && saysClose(last.read)) {
      assert.equal(rest, "", "octets after a response that was to be the last");
    }
    if (calm) this.#checkAllServed();
  }

  #checkAllServed(): void {
    for (const [index, request] of this.requests.entries()) {
      const received = this.#received[index];
      assert.ok(received, `no response to ${request.headText}`);
      const { read, status } = received;
      const { headers } = read.message;
      if (!request.admin) assert.ok(headers.has("x-id"), `${status} of ours`);
      if (status === 101 || saysClose(read) || request.closes) return;
    }
  }

  #checkTunnelled({ request, read }: Received): void {
    const rest = this.link.output.slice(this.#at);
    const name = read.message.headers.get("x-id")!;
    assert.equal(
      rest,
      contentOf(`t${name}`, rest.length),
      `tunnel of ${request.id}`,
    );
  }

  #mayBegin(request: ModelRequest): boolean {
    const before = this.requests[this.#sending - 1];
    // Whoever asks for an end sends no more.
    if (before?.closes) return false;
    const waits = request.waits || before?.upgrade;
    return !waits || this.#received.length === this.#sending;
  }

  #next(): void {
    this.#sending++;
    this.#sentBytes = 0;
    this.#continued = false;
  }

  #finish(): boolean {
    if (this.#received.length < this.requests.length) return false;
    this.link.deliverEnd();
    return true;
  }

  #tunnel(): boolean {
    const left = TUNNELLED_BYTES - this.#tunnelledBytes;
    if (left <= 0) {
      this.link.deliverEnd();
      return true;
    }
    const from = this.#tunnelledBytes;
    const to = from + Math.min(left, this.#random.pick(PIECES));
    const id = this.tunnel!.request.id;
    this.link.deliver(toBytes(contentOf(`u${id}`, to).slice(from)));
    this.#tunnelledBytes = to;
    return true;
  }

  /** Takes in the responses that have come whole. */
  #read(): void {
    while (this.tunnel === null) {
      const request = this.requests[this.#received.length];
      if (request === undefined) return;
      const read = this.#readAt(request);
      if (read === null || !read.complete) return;
      this.#at = read.next;
      const status = statusOf(read.message);
      if (status < 200 && status !== 101) {
        assert.ok(!request.http10, "an interim response to HTTP/1.0");
        this.#continued ||= this.#received.length === this.#sending;
        continue;
      }
      // One that has its response before it has begun with its body need not.
      this.#continued ||= this.#received.length === this.#sending &&
        !oneIn(this.#random, 2);
      this.#received.push({ request, read, status });
    }
  }

  #readAt({ method }: ModelRequest): ReadMessage | null {
    const { output, outputEnd } = this.link;
    if (this.#at === output.length) return null;
    const ended = outputEnd === "ended";
    const read = readResponseAt(output, this.#at, { method, ended });
    // Of a head that did not come whole nobody knows that it was a HEAD.
    return read !== null && statusOf(read.message) === 408
      ? readResponseAt(output, this.#at, { method: "GET", ended })
      : read;
  }
}

function saysClose({ message: { headers } }: ReadMessage): boolean {
  return headers.get("connection") === "close";
}

function checkResponse(received: Received): void {
  const { request, read, status } = received;
  const { headers } = read.message;
  const id = headers.get("x-id");
  if (id === undefined) {
    if (request.admin && status === 200) return;
    assert.ok(OWN_STATUSES.includes(status), `${status} of ours`);
    return;
  }
  checkContent(received);
  const length = headers.get("x-length");
  // Of one whose end is the end of the connection nobody can tell.
  const delimited = headers.has("content-length") ||
    headers.has("transfer-encoding");
  if (request.method === "HEAD" || !delimited || length === "*") return;
  const { text } = read.message;
  assert.equal(`${text.length}`, length, "a cut response looks whole");
}

/** What has come of the content belongs to this request, from its first octet on. */
function checkContent({ request, read }: Received): void {
  const { headers, text } = read.message;
  const name = headers.get("x-id");
  if (name === undefined) return;
  assert.equal(
    name.split("/")[0],
    `a${request.id}`,
    "somebody else's response",
  );
  assert.equal(text, contentOf(name, text.length), `content of ${name}`);
}
